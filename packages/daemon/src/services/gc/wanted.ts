import { stat } from 'node:fs/promises';
import type { VmDeps } from '../vm/deps.ts';

/**
 * Whether a person may still want what a VM has on the host: its disks are there, and the state knows nothing of it. That is what a state
 * looks like that was lost, or set aside and is to be put back.
 */
export async function mayBeWanted(
  { vms, layout }: Pick<VmDeps, 'vms' | 'layout'>,
  vm: string,
): Promise<boolean> {
  if (vms.find(vm) !== undefined) return false;
  return stat(layout.vm(vm).directory).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return false;
      throw error;
    },
  );
}
