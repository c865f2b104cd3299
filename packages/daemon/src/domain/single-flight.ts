import { BangerError } from '@banger/contract/error';
import type { StageContext, StageProgress } from './stage-progress.ts';

interface Flight<T> {
  readonly stop: AbortController;
  readonly listeners: Set<(progress: StageProgress) => void>;
  last: StageProgress | undefined;
  readonly result: Promise<T>;
}

/** Runs slow work once for all who ask for the same thing at the same time, by key. */
export class SingleFlight<T> {
  readonly #flights = new Map<string, Flight<T>>();

  /**
   * Starts the work, or joins the one at work under that key: everybody gets its progress and its result. A caller whose
   * signal fires leaves at once with `cancelled`; when the last one leaves the work itself is stopped, and that caller is
   * answered when it has ended and cleaned up. Who comes while it is being stopped waits, and starts it anew.
   */
  async run(key: string, caller: StageContext, work: (context: StageContext) => Promise<T>): Promise<T> {
    for (;;) {
      if (caller.signal.aborted) throw cancelled();
      const flight = this.#flights.get(key);
      if (flight === undefined) return this.#join(this.#start(key, work), caller);
      if (!flight.stop.signal.aborted) return this.#join(flight, caller);
      await orAborted(ended(flight.result), caller.signal);
    }
  }

  /** Resolves when nothing is at work under that key; rejects with `cancelled` when the signal fires first. */
  async idle(key: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      const flight = this.#flights.get(key);
      if (flight === undefined) return;
      await orAborted(ended(flight.result), signal);
    }
  }

  #start(key: string, work: (context: StageContext) => Promise<T>): Flight<T> {
    const stop = new AbortController();
    const listeners = new Set<(progress: StageProgress) => void>();
    const onProgress = (progress: StageProgress): void => {
      flight.last = progress;
      for (const listener of listeners) listener(progress);
    };
    const run = async (): Promise<T> => {
      // Lets the caller be registered first, so that it misses no progress.
      await Promise.resolve();
      try {
        return await work({ signal: stop.signal, onProgress });
      } catch (error) {
        // A program that is stopped may say so by a failure of its own.
        throw stop.signal.aborted ? cancelled(error) : error;
      } finally {
        this.#flights.delete(key);
      }
    };
    const flight: Flight<T> = { stop, listeners, last: undefined, result: run() };
    flight.result.catch(() => undefined);
    this.#flights.set(key, flight);
    return flight;
  }

  async #join(flight: Flight<T>, { signal, onProgress }: StageContext): Promise<T> {
    // A function of its own each time: one caller may join twice with the same callback.
    const listener = (progress: StageProgress): void => onProgress(progress);
    flight.listeners.add(listener);
    if (flight.last !== undefined) listener(flight.last);
    try {
      return await orAborted(flight.result, signal);
    } catch (error) {
      if (!signal.aborted || flight.listeners.size > 1) throw error;
      flight.stop.abort();
      return await flight.result;
    } finally {
      flight.listeners.delete(listener);
    }
  }
}

function ended(result: Promise<unknown>): Promise<void> {
  return result.then(
    () => undefined,
    () => undefined,
  );
}

function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const onAbort = (): void => reject(cancelled());
    if (signal.aborted) return onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}

function cancelled(cause?: unknown): BangerError {
  return new BangerError('cancelled', 'The call was cancelled.', { cause });
}
