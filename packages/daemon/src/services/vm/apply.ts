import { toBangerError } from '@banger/contract/error';
import { inOrderOfChange } from './capabilities/list.ts';
import type { RunContext } from './capabilities/capability.ts';
import type { VmDeps } from './deps.ts';
import type { LiveVm } from './live.ts';
import { warn } from './watch.ts';

/**
 * Brings a VM that a new daemon has found to what its row says, in case the one before was killed in the middle of a `set`: also one that
 * waits for room, whose way out is as open as ever. Whatever cannot be done becomes a warning. Anybody who wants the VM's lock for more
 * than looking goes first.
 */
export async function applyAll(deps: VmDeps, live: LiveVm): Promise<void> {
  const { id, released } = live;
  await deps.locks.hold(id, { signal: released.signal, preemptible: true }, async (signal) => {
    const row = deps.vms.find(id);
    const isUp = row?.state === 'running' || row?.state === 'paused';
    if (!isUp || deps.live.get(id) !== live) return;
    const context: RunContext = { deps, row, live };
    for (const { name, apply } of inOrderOfChange) {
      try {
        for (const said of (await apply?.(context, signal)) ?? [])
          deps.log.info({ vm: id, name, said }, 'applied');
      } catch (thrown) {
        const { message, hint } = toBangerError(thrown);
        if (!signal.aborted) warn(deps, id, `${message} ${hint}`);
      }
    }
  });
}
