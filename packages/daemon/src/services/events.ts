import type { DaemonEvent } from '@banger/contract/event';
import type { Clock } from '../host/clock.ts';

/** An event without its time, which the bus adds. */
type Untimed<E> = E extends unknown ? Omit<E, 'time'> : never;
export type NewEvent = Untimed<DaemonEvent>;

/** Told where each thing changes, in the order of the changes; whoever listens is called at once and must not wait or throw. */
export class EventBus {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #listeners = new Set<(event: DaemonEvent) => void>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  tell(event: NewEvent): void {
    const told = this.timed(event);
    for (const listener of this.#listeners) listener(told);
  }

  /** Whether anybody listens. */
  get isHeard(): boolean {
    return this.#listeners.size > 0;
  }

  /** An event of now, for one reader alone. */
  timed({ event, ...rest }: NewEvent): DaemonEvent {
    return { event, time: new Date(this.#clock.now()).toISOString(), ...rest } as DaemonEvent;
  }

  /** The returned function ends it. */
  listen(listener: (event: DaemonEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
