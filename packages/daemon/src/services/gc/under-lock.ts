import type { VmLocks } from '../vm/locks.ts';

/**
 * Removes what was made for a VM under that VM's lock, where `isOrphan` still holds: a call that makes such things holds the lock
 * while it does, so that none can begin meanwhile. One that is at work is not waited for: what it works on is no orphan.
 */
export async function removeUnderLock(
  locks: VmLocks,
  vm: string,
  isOrphan: () => boolean,
  remove: () => Promise<void>,
): Promise<boolean> {
  if (locks.isBusy(vm)) return false;
  return locks.hold(vm, {}, async () => {
    if (!isOrphan()) return false;
    await remove();
    return true;
  });
}
