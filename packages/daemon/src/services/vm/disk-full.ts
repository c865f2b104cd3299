import { toBangerError } from '@banger/contract/error';
import type { VmDeps } from './deps.ts';
import type { LiveVm } from './live.ts';

/** How often a VM that waits for room is tried again; a person who freed some does not wait long. */
const TRY_AGAIN_MS = 5_000;
/** A write that still finds no room stops the guest again within this time. */
const SETTLE_MS = 1_000;

/**
 * Keeps a VM whose writes found no room on the host: the VMM has stopped it, nothing is lost, and it goes on by itself as soon as
 * there is room. The VMM tells of each write that fails; only the first one changes anything.
 */
export async function pauseForRoom(deps: VmDeps, live: LiveVm): Promise<void> {
  if (live.waitsForRoom) return;
  live.waitsForRoom = true;
  try {
    await deps.locks.hold(live.id, { signal: live.released.signal }, async () => {
      if (deps.live.get(live.id) !== live || deps.vms.find(live.id)?.state !== 'running') return;
      deps.states.go(live.id, 'paused', {
        reason:
          'The disk of the host is full: the guest was stopped in the middle of a write, and nothing is lost.',
        hint: 'Free some space; the VM goes on by itself.',
      });
    });
    while (deps.live.get(live.id) === live && deps.vms.find(live.id)?.state === 'paused')
      await tryAgain(deps, live);
  } finally {
    live.waitsForRoom = false;
  }
}

/** One try, under the VM's lock; what goes wrong in it is no reason to give up. */
async function tryAgain(deps: VmDeps, live: LiveVm): Promise<void> {
  const { signal } = live.released;
  await deps.clock.sleep(TRY_AGAIN_MS, signal);
  await deps.locks.hold(live.id, { signal }, async () => {
    if (deps.live.get(live.id) !== live || deps.vms.find(live.id)?.state !== 'paused') return;
    try {
      await live.vmm.resume();
      await deps.clock.sleep(SETTLE_MS, signal);
      if ((await live.vmm.status()) === 'running') deps.states.go(live.id, 'running');
    } catch (error) {
      if (!signal.aborted) deps.log.warn({ vm: live.id, error: toBangerError(error).message }, 'no room yet');
    }
  });
}
