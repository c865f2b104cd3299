import { AsyncLocalStorage } from 'node:async_hooks';
import { BangerError } from '@banger/contract/error';

/**
 * The locks that a call may take, in the order in which it may: each only while it has none at the same place or behind. So no two
 * calls ever wait for each other. `docs/architecture.md`, "Locks", says what each spans; a test keeps the two equal.
 */
export const lockOrder = ['VM lock', 'KVM check', 'pull lock', 'rebuild lock'] as const;

/** One of the locks. */
export type LockName = (typeof lockOrder)[number];

/** The last lock that the code running now has, or waits for; it follows the code through all that it awaits. */
const last = new AsyncLocalStorage<{ readonly lock: LockName; readonly key: string }>();

/**
 * Runs what waits for a lock and then holds it. Out of order it is refused with `internal` before it waits: that is a bug which would
 * show as two calls that hang, on a bad day. Always on, as it costs a microsecond for a lock that is held for milliseconds.
 */
export async function underLock<T>(lock: LockName, key: string, work: () => Promise<T>): Promise<T> {
  const held = last.getStore();
  if (held !== undefined && lockOrder.indexOf(held.lock) >= lockOrder.indexOf(lock))
    throw new BangerError(
      'internal',
      `The ${lock} of ${key} was asked for under the ${held.lock} of ${held.key}.`,
    );
  return last.run({ lock, key }, work);
}

/** Runs work that goes on when the call that began it has let go of its locks. */
export function withoutLocks<T>(work: () => T): T {
  return last.exit(work);
}
