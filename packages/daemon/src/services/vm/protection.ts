import { BangerError } from '@banger/contract/error';
import type { VmRow } from '../../domain/vm-row.ts';
import type { VmDeps } from './deps.ts';

/** Throws `vm_protected` for a VM that its user protected. */
export function refuseProtected({ protected: kept, spec: { name } }: VmRow): void {
  if (kept)
    throw new BangerError('vm_protected', `${name} is protected.`, {
      hint: `Take the protection away with \`banger vm unprotect ${name}\`.`,
    });
}

/** Protects a VM whose lock the caller holds, or no longer. One that is deleted by itself cannot be kept: `vm_state`. */
export function protectHeld(deps: Pick<VmDeps, 'vms'>, id: string, kept: boolean): VmRow {
  const { ephemeral, spec } = deps.vms.get(id);
  if (kept && ephemeral)
    throw new BangerError('vm_state', `${spec.name} is deleted when the command that made it ends.`, {
      hint: 'Make a VM to keep without --rm.',
    });
  return deps.vms.update(id, { protected: kept });
}
