import { BangerError } from '@banger/contract/error';
import { underLock } from '../lock-order.ts';

/** How a call holds a VM's lock. */
export interface HoldOptions {
  /** Fires when the caller gives up, while waiting as well as while holding. */
  readonly signal?: AbortSignal;
  /** Cancels the calls before this one, holding or waiting, that allow it: stop, kill and delete do not wait for a start. */
  readonly preempt?: boolean;
  /** It ends the VM without asking its guest: a stop before it, holding or waiting, does not go on asking either. */
  readonly force?: boolean;
  /** Whether a later call may cancel this one; the undo of a cancelled call still runs under its lock. */
  readonly preemptible?: boolean;
}

/** A call that holds a VM's lock or waits for it. */
interface Call {
  /** Ends it early. */
  readonly stop: AbortController;
  /** Fires when a later call ends the VM without asking its guest. */
  readonly forced: AbortController;
  readonly preemptible: boolean;
  /** Resolves when the lock is this call's. */
  readonly turn: PromiseWithResolvers<void>;
}

/** The VM lock: one life-cycle call per VM, over the whole call. The first lock of the order in `docs/architecture.md`. */
export class VmLocks {
  /** By VM, in the order of asking: the first has the lock. */
  readonly #calls = new Map<string, Call[]>();

  /**
   * Waits for the VM's lock, then runs `work` with a signal that fires when the call is to end early. Where the lock is free, `work`
   * begins at once. A call that is to end early while it waits rejects with `cancelled` and takes nobody's turn.
   */
  hold<T>(vmId: string, options: HoldOptions, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return underLock('VM lock', vmId, async () => {
      const { signal, preempt = false, force = false, preemptible = false } = options;
      if (signal?.aborted === true) throw givenUp();
      const calls = this.#calls.get(vmId) ?? [];
      if (preempt) for (const before of calls) if (before.preemptible) before.stop.abort(preempted());
      if (force) for (const before of calls) before.forced.abort();
      const call: Call = {
        stop: new AbortController(),
        forced: new AbortController(),
        preemptible,
        turn: Promise.withResolvers(),
      };
      this.#calls.set(vmId, calls);
      try {
        if (calls.push(call) > 1) await itsTurn(call, signal);
        return await work(
          signal === undefined ? call.stop.signal : AbortSignal.any([call.stop.signal, signal]),
        );
      } finally {
        this.#leave(vmId, calls, call);
      }
    });
  }

  /** For the call that holds the VM's lock: fires when one behind it ends the VM without asking its guest. */
  forced(vmId: string): AbortSignal {
    return this.#calls.get(vmId)?.[0]?.forced.signal ?? new AbortController().signal;
  }

  /** True while some call holds or waits for the VM's lock. */
  isBusy(vmId: string): boolean {
    return this.#calls.has(vmId);
  }

  #leave(vmId: string, calls: Call[], call: Call): void {
    calls.splice(calls.indexOf(call), 1);
    if (calls.length === 0) this.#calls.delete(vmId);
    else calls[0]?.turn.resolve();
  }
}

/** Resolves when the lock is the call's; rejects with `cancelled` when it is to end before. */
async function itsTurn({ turn, stop }: Call, signal: AbortSignal | undefined): Promise<void> {
  const onGiveUp = (): void => turn.reject(givenUp());
  const onPreempt = (): void => turn.reject(preempted());
  signal?.addEventListener('abort', onGiveUp, { once: true });
  stop.signal.addEventListener('abort', onPreempt, { once: true });
  try {
    await turn.promise;
  } finally {
    signal?.removeEventListener('abort', onGiveUp);
  }
}

function givenUp(): BangerError {
  return new BangerError('cancelled', 'The call was cancelled while it waited for the VM.');
}

function preempted(): BangerError {
  return new BangerError('cancelled', 'Another call stopped or deleted the VM.');
}
