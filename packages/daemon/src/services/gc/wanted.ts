import { stat } from 'node:fs/promises';
import type { VmDeps } from '../vm/deps.ts';

/**
 * Whether a person may still want what a VM has on the host: its disks are there, and the state knows nothing of it; or the state knows
 * the VM, and not the VMM that runs for it, whose guest may have written what no disk has. That is what a state looks like that was lost,
 * or set aside and is to be put back, and an older one that was. `strays` are the VMs of VMMs that the ledger does not have.
 */
export async function mayBeWanted(
  { vms, layout }: Pick<VmDeps, 'vms' | 'layout'>,
  vm: string,
  strays: () => Promise<ReadonlySet<string>>,
): Promise<boolean> {
  if (vms.find(vm) !== undefined) return (await strays()).has(vm);
  return stat(layout.vm(vm).directory).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
}
