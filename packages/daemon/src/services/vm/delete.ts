import { BangerError } from '@banger/contract/error';
import type { ResultOf } from '@banger/contract/methods';
import { runAllSteps, type Step } from '../../domain/steps.ts';
import type { VmRow } from '../../domain/vm-row.ts';
import { liveStates } from '../../domain/vm-state.ts';
import type { VmDeps } from './deps.ts';
import { release } from './ended.ts';
import { killStep } from './stop-steps.ts';

/** Phase of a VM of which some may be gone already: there is no way back. */
export const DELETING = 'delete';

/** Throws `vm_state` for a VM of which some is gone: whatever else were made of it, the rest of it is to go. */
export function refuseHalfDeleted({ phase, reason, spec: { name } }: VmRow): void {
  if (phase === DELETING)
    throw new BangerError('vm_state', `${name} is half deleted. ${reason}`, {
      hint: `Mend the cause and run \`banger vm delete ${name}\` again.`,
    });
}

interface Deletion {
  readonly deps: VmDeps;
  readonly id: string;
  /** What could not be removed, and why. */
  leftOver: string[];
}

/** The last step: all that the ledger has of it still, which is more than its directory where a step before has failed. */
export const removalStep: Step<Deletion> = {
  name: 'directory',
  title: 'Clearing away disks and logs',
  run: async (deletion) => {
    const errors = await deletion.deps.ledger.remove(deletion.id);
    deletion.leftOver = errors.map((error) => error.message);
    if (errors[0] !== undefined) throw errors[0];
  },
};

/**
 * Deletes a VM whose lock the caller holds, from every state: ends what runs (its disks go anyway, so nothing is asked of
 * the guest), removes all that the ledger has of it, then the row. What cannot be removed is told, and the row stays to say so.
 */
export async function deleteHeld(deps: VmDeps, id: string): Promise<ResultOf<'vm.delete'>> {
  const row = deps.vms.find(id);
  if (row === undefined) return { id, name: '', leftOver: [] };
  const live = deps.live.get(id);
  // Before anything goes, so that a daemon which finds half of it deletes the rest, and nobody is told that it runs.
  const why = { phase: DELETING, reason: row.reason, hint: row.hint };
  if (liveStates.has(row.state)) deps.states.go(id, 'stopping', why);
  else deps.states.stay(id, why);
  const taken = deps.steps.begin(id);
  const deletion: Deletion = { deps, id, leftOver: [] };
  try {
    if (live !== undefined) {
      // Not asked to close its disks, which go. One that cannot be killed is told by the ledger's remover, which tries again.
      live.released.abort();
      // Its network goes meanwhile: what is left of that is told by the step of its own, which tries again as well.
      const kill = async (): Promise<void> => {
        const network = deps.ledger.remove(id, ['network']);
        const [killed] = await Promise.allSettled([live.vmm.kill('SIGKILL'), network]);
        if (killed.status === 'rejected') throw killed.reason;
      };
      await runAllSteps([killStep(kill)], undefined, taken);
      await release(deps, live, taken, () => undefined);
    }
    await runAllSteps([removalStep], deletion, taken);
  } finally {
    taken.close();
  }
  const { leftOver } = deletion;
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
