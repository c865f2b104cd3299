import { BangerError } from '@banger/contract/error';

/** How a call holds a VM's lock. */
export interface HoldOptions {
  /** Fires when the caller gives up, while waiting as well as while holding. */
  readonly signal?: AbortSignal;
  /** Cancels the call that holds the lock now, if it allows that: stop, kill and delete do not wait for a start. */
  readonly preempt?: boolean;
  /** Whether a later call may cancel this one; the undo of a cancelled call still runs under its lock. */
  readonly preemptible?: boolean;
}

interface Holder {
  readonly controller: AbortController;
  readonly preemptible: boolean;
}

/** The VM lock: one life-cycle call per VM, over the whole call. The first lock of the order in `docs/architecture.md`. */
export class VmLocks {
  readonly #tails = new Map<string, Promise<void>>();
  readonly #holders = new Map<string, Holder>();

  /** Waits for the VM's lock, then runs `work` with a signal that fires when the call is to end early. */
  async hold<T>(vmId: string, options: HoldOptions, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const before = this.#tails.get(vmId) ?? Promise.resolve();
    const { promise: done, resolve: release } = Promise.withResolvers<void>();
    const tail = before.then(() => done);
    this.#tails.set(vmId, tail);
    if (options.preempt === true) this.#preempt(vmId);
    try {
      await untilFree(before, options.signal);
      return await this.#work(vmId, options, work);
    } finally {
      release();
      // A waiter that gave up resolves `done` early, but those behind it still wait for `before`.
      void tail.then(() => {
        if (this.#tails.get(vmId) === tail) this.#tails.delete(vmId);
      });
    }
  }

  /** True while some call holds or waits for the VM's lock. */
  isBusy(vmId: string): boolean {
    return this.#tails.has(vmId);
  }

  async #work<T>(vmId: string, options: HoldOptions, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const holder = { controller: new AbortController(), preemptible: options.preemptible ?? false };
    this.#holders.set(vmId, holder);
    try {
      const signals = [holder.controller.signal, ...(options.signal === undefined ? [] : [options.signal])];
      return await work(AbortSignal.any(signals));
    } finally {
      this.#holders.delete(vmId);
    }
  }

  #preempt(vmId: string): void {
    const holder = this.#holders.get(vmId);
    if (holder?.preemptible === true) {
      holder.controller.abort(new BangerError('cancelled', 'Another call stopped or deleted the VM.'));
    }
  }
}

/** Resolves when the lock is free; rejects with `cancelled` when the caller gives up before. */
async function untilFree(before: Promise<void>, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) return before;
  const cancelled = () => new BangerError('cancelled', 'The call was cancelled while it waited for the VM.');
  if (signal.aborted) throw cancelled();
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => {
    reject(cancelled());
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([before, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
