import { BangerError } from '@banger/contract/error';
import type { ResultOf } from '@banger/contract/methods';
import type { VmRow } from '../../domain/vm-row.ts';
import { liveStates } from '../../domain/vm-state.ts';
import { tell } from '../operation.ts';
import type { VmDeps } from './deps.ts';
import { release } from './ended.ts';

/** Phase of a VM of which some may be gone already: there is no way back. */
export const DELETING = 'delete';

/** Throws `vm_state` for a VM of which some is gone: whatever else were made of it, the rest of it is to go. */
export function refuseHalfDeleted({ phase, reason, spec: { name } }: VmRow): void {
  if (phase === DELETING)
    throw new BangerError('vm_state', `${name} is half deleted. ${reason}`, {
      hint: `Mend the cause and run \`banger vm delete ${name}\` again.`,
    });
}

/**
 * Deletes a VM whose lock the caller holds, from every state: ends what runs (its disks go anyway, so nothing is asked of
 * the guest), removes all that the ledger has of it, then the row. What cannot be removed is told, and the row stays to say so.
 */
export async function deleteHeld(deps: VmDeps, id: string): Promise<ResultOf<'vm.delete'>> {
  const row = deps.vms.find(id);
  if (row === undefined) return { id, name: '', leftOver: [] };
  tell({ stage: 'Removing the virtual machine' });
  const live = deps.live.get(id);
  // Before anything goes, so that a daemon which finds half of it deletes the rest, and nobody is told that it runs.
  deps.states.go(id, liveStates.has(row.state) ? 'stopping' : row.state, {
    phase: DELETING,
    reason: row.reason,
    hint: row.hint,
  });
  if (live !== undefined) {
    // Not asked to close its disks, which go. One that cannot be killed is told by the ledger's remover, which tries again.
    live.released.abort();
    await live.vmm.kill('SIGKILL').catch(() => undefined);
    await release(deps, live, () => undefined);
  }
  const errors = await deps.ledger.remove(id);
  const leftOver = errors.map((error) => error.message);
  if (leftOver.length === 0) {
    deps.vms.delete(id);
    deps.log.info({ vm: id, name: row.spec.name }, 'vm deleted');
  } else {
    deps.states.go(id, 'error', {
      phase: DELETING,
      reason: leftOver.map((message) => `Not removed: ${message}`).join('\n'),
      hint: 'Mend the cause and run `banger vm delete` again.',
    });
  }
  return { id, name: row.spec.name, leftOver };
}
