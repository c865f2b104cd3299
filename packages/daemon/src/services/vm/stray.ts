import { lstat } from 'node:fs/promises';
import { BangerError } from '@banger/contract/error';
import type { VmDeps } from './deps.ts';

/**
 * Throws `vm_state` for a VM that has a VMM which the ledger does not: it is of a newer state, in whose place an older one was put. What it
 * works with bears the names that a run of ours would give to its own, and its agent's key is nowhere: it can be neither attached nor
 * cleaned up after. The caller holds the VM's lock.
 */
export async function refuseStray(
  deps: Pick<VmDeps, 'vms' | 'ledger' | 'vmm' | 'layout'>,
  id: string,
): Promise<void> {
  // Where nothing of a run is, the processes of the host need not be looked through.
  if (!(await exists(deps.layout.vm(id).runtimeOwner))) return;
  const known = new Set(
    deps.ledger.entries(id).flatMap((entry) => (entry.kind === 'vmm' ? [entry.resource.token] : [])),
  );
  const found = await deps.vmm.find(deps.layout.vms);
  const stray = found.find((vmm) => vmm.id === id && !known.has(vmm.token));
  if (stray === undefined) return;
  const { name } = deps.vms.get(id).spec;
  throw new BangerError(
    'vm_state',
    `${name} has a VMM that this state knows nothing of, process ${stray.process.pid}: nothing of it was touched.`,
    {
      hint: `Put the newer state back; or end it with \`banger gc\`, which loses what its guest has not written, then run \`banger vm stop ${name}\`.`,
    },
  );
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      // What has the directory's name and is none is told of by whoever makes the directory.
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return false;
      throw error;
    },
  );
}
