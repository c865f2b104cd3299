import { BangerError } from '@banger/contract/error';
import type { ResultOf } from '@banger/contract/methods';
import type { VmState } from '@banger/contract/vm';
import type { VmRow } from '../../domain/vm-row.ts';
import { deleteHeld } from './delete.ts';
import type { VmDeps } from './deps.ts';
import { refuseProtected } from './protection.ts';

/** The states in which nobody uses a VM: it was stopped, never started, or has failed. */
const unused: ReadonlySet<VmState> = new Set(['stopped', 'error']);

/** The VMs that nobody uses: stopped, failed or never started, not protected, not about to go by themselves, no call at work on them. */
export function prunable(deps: Pick<VmDeps, 'vms' | 'locks'>): VmRow[] {
  return deps.vms
    .list()
    .filter((row) => unused.has(row.state) && !row.protected && !row.ephemeral && !deps.locks.isBusy(row.id));
}

/**
 * Deletes a VM if nobody uses it, which is looked at again under its lock: whoever decided did so some time ago. Else refuses with
 * `vm_state` or `vm_protected`. Waits for no other call: one at work is a use.
 */
export async function prune(
  deps: VmDeps,
  { id, spec: { name } }: VmRow,
  signal: AbortSignal,
): Promise<ResultOf<'vm.prune'>> {
  if (deps.locks.isBusy(id)) throw new BangerError('vm_state', `Another call is at work on ${name}.`);
  return deps.locks.hold(id, { signal }, async () => {
    const row = deps.vms.get(id);
    refuseProtected(row);
    if (row.ephemeral) throw new BangerError('vm_state', `${name} goes when the command that made it ends.`);
    if (!unused.has(row.state)) throw new BangerError('vm_state', `${name} is ${row.state}.`);
    return deleteHeld(deps, id);
  });
}
