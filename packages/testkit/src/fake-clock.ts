import { setImmediate } from 'node:timers/promises';
import { BangerError } from '@banger/contract/error';
import type { Clock } from '@banger/daemon/host/clock';

/** A clock that stands still until the test moves it. */
export class FakeClock implements Clock {
  #now: number;
  #monotonic = 0;
  #sleepers: { readonly due: number; readonly wake: () => void }[] = [];

  /** `now` is the wall-clock time it starts at, in milliseconds since 1970. */
  constructor(now = 1_700_000_000_000) {
    this.#now = now;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  /** How many sleeps are under way. */
  get sleeping(): number {
    return this.#sleepers.length;
  }

  /** Milliseconds until the first sleep ends; undefined when nobody sleeps. */
  get untilNext(): number | undefined {
    const due = this.#sleepers.map((sleeper) => sleeper.due - this.#monotonic);
    return due.length === 0 ? undefined : Math.min(...due);
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const refuse = (): void => reject(new BangerError('cancelled', 'The wait was cancelled.'));
      if (signal?.aborted === true) {
        refuse();
        return;
      }
      const sleeper = { due: this.#monotonic + ms, wake: resolve };
      this.#sleepers.push(sleeper);
      signal?.addEventListener(
        'abort',
        () => {
          this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
          refuse();
        },
        { once: true },
      );
    });
  }

  /** Lets `ms` pass: both clocks move, and sleeps that end meanwhile wake in the order of their ends. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    for (;;) {
      const next = this.#sleepers.filter(({ due }) => due <= end).sort((a, b) => a.due - b.due)[0];
      this.#moveTo(Math.max(this.#monotonic, next?.due ?? end));
      if (next === undefined) return;
      this.#sleepers = this.#sleepers.filter((other) => other !== next);
      next.wake();
      // What was woken may go to sleep again before `end`.
      await setImmediate();
    }
  }

  /** Somebody sets the time of day; durations are not touched. */
  setNow(now: number): void {
    this.#now = now;
  }

  #moveTo(monotonic: number): void {
    this.#now += monotonic - this.#monotonic;
    this.#monotonic = monotonic;
  }
}
