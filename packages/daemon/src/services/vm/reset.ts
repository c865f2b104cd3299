import { BangerError } from '@banger/contract/error';
import type { VmRow } from '../../domain/vm-row.ts';
import { tell } from '../operation.ts';
import { rootDisk } from './capabilities/disks.ts';
import { checkImageFits } from './create.ts';
import type { VmDeps } from './deps.ts';
import { saidBy } from './image-defaults.ts';
import { refuseProtected } from './protection.ts';
import { startHeld } from './start.ts';
import { stopHeld } from './stop.ts';

/**
 * Gives a VM whose lock the caller holds a fresh root disk from its image; the work disk stays. A VM that runs is stopped first, as
 * `stop` does, and started again. The new disk takes the old one's place when it is whole, so that one of them is always there.
 */
export async function resetHeld(
  deps: VmDeps,
  id: string,
  { waitInit }: { readonly waitInit: boolean },
  signal: AbortSignal,
): Promise<VmRow> {
  const row = deps.vms.get(id);
  refuseProtected(row);
  // What can fail without the VM being touched comes first.
  const image = await deps.images.ofVm(row.spec.image, signal);
  checkImageFits(row.spec, image);
  const ran = row.state === 'running' || row.state === 'paused';
  const { state, reason, hint } = await stopHeld(deps, id, { force: false, startAgain: ran });
  if (state !== 'stopped') {
    deps.vms.update(id, { startAgain: false });
    throw new BangerError('vm_state', `${row.spec.name} did not stop: ${reason}`, { hint });
  }
  tell({ stage: rootDisk.make.title });
  // Whoever finds the VM in the middle of this cannot know which of the disks it has.
  deps.vms.update(id, { init: '' });
  try {
    await rootDisk.make.run({ deps, row, image }, signal);
  } catch (error) {
    deps.vms.update(id, { init: row.init, startAgain: false });
    throw error;
  }
  deps.log.info({ vm: id }, 'root disk reset');
  const fresh = deps.vms.update(id, saidBy(image));
  return ran ? startHeld(deps, id, { waitInit }, signal) : fresh;
}
