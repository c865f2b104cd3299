import { Readable } from 'node:stream';
import type { DaemonEvent } from '@banger/contract/event';
import type { EventBus } from './events.ts';

/** Events that wait for a reader: what a hundred VMs do in their whole lives, and under a MiB of memory. */
const MAX_WAITING = 1_000;

/** What of the bus a reader wants. */
export interface EventFilter {
  /** The event that its stream begins with, made at the moment from which on it misses nothing. */
  first(): DaemonEvent;
  wants(event: DaemonEvent): boolean;
}

/**
 * Events of the bus as JSON lines, from the first read on. A reader that does not keep up loses events and is told how many, in the
 * place where they are missing; nobody waits for it.
 */
export class EventStream extends Readable {
  readonly #bus: EventBus;
  readonly #filter: EventFilter;
  readonly #waiting: DaemonEvent[] = [];
  readonly #most: number;
  #lost = 0;
  #roomy = false;
  #stop: (() => void) | undefined;

  constructor(bus: EventBus, filter: EventFilter, most: number = MAX_WAITING) {
    super();
    this.#bus = bus;
    this.#filter = filter;
    this.#most = most;
  }

  override _read(): void {
    this.#roomy = true;
    if (this.#stop === undefined) {
      this.#stop = this.#bus.listen((event) => this.#take(event));
      this.#waiting.push(this.#filter.first());
    }
    this.#flow();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#stop?.();
    done(error);
  }

  #take(event: DaemonEvent): void {
    if (!this.#filter.wants(event)) return;
    if (this.#waiting.length >= this.#most) {
      this.#lost += 1;
      return;
    }
    this.#tellLost();
    this.#waiting.push(event);
    this.#flow();
  }

  #flow(): void {
    while (this.#roomy) {
      if (this.#waiting.length === 0) this.#tellLost();
      const event = this.#waiting.shift();
      if (event === undefined) return;
      this.#roomy = this.push(`${JSON.stringify(event)}\n`);
    }
  }

  #tellLost(): void {
    if (this.#lost === 0) return;
    this.#waiting.push(this.#bus.timed({ event: 'dropped', count: this.#lost }));
    this.#lost = 0;
  }
}
