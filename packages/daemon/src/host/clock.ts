import { performance } from 'node:perf_hooks';
import { setTimeout as timeout } from 'node:timers/promises';
import { BangerError } from '@banger/contract/error';

/** Time, injected so that tests decide how it passes. */
export interface Clock {
  /** Milliseconds since 1970: for what is stored and shown. It jumps when somebody sets the time. */
  now(): number;
  /** Milliseconds since an arbitrary moment, never going back: for deadlines and durations within one process. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with `cancelled` as soon as the signal fires, also when it fired before. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: async (ms, signal) => {
    try {
      await timeout(ms, undefined, signal === undefined ? {} : { signal });
    } catch (cause) {
      throw new BangerError('cancelled', 'The wait was cancelled.', { cause });
    }
  },
};
