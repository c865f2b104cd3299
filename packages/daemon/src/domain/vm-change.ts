import { BangerError } from '@banger/contract/error';
import { sizeText } from '@banger/contract/size-text';
import type { VmSpec, VmSpecChange } from '@banger/contract/vm';

/** The sizes that grow only: what lies at the end of a disk may be somebody's. */
const growing = { diskBytes: 'work disk', rootBytes: 'root disk' } as const;

/**
 * A spec with a change made. A network that is taken away takes the way out with it, and one that is given comes with it, as at a creation,
 * unless the change says otherwise. Throws `invalid_argument` when a disk would shrink.
 */
export function changedSpec(spec: VmSpec, change: VmSpecChange): VmSpec {
  const network = change.network ?? spec.network;
  const changed: VmSpec = {
    ...spec,
    vcpu: change.vcpu ?? spec.vcpu,
    memoryMib: change.memoryMib ?? spec.memoryMib,
    diskBytes: change.diskBytes ?? spec.diskBytes,
    rootBytes: change.rootBytes ?? spec.rootBytes,
    network,
    outbound: change.outbound ?? (network === spec.network ? spec.outbound : network !== 'none'),
  };
  for (const key of Object.keys(growing) as (keyof typeof growing)[]) {
    if (changed[key] >= spec[key]) continue;
    throw new BangerError(
      'invalid_argument',
      `The ${growing[key]} has ${sizeText(spec[key])} and cannot shrink to ${sizeText(changed[key])}.`,
      { hint: 'Disks grow only; make another VM for a smaller one.', details: { key, least: spec[key] } },
    );
  }
  return changed;
}

/** The keys in which two specs of one VM differ. */
export function changedKeys(before: VmSpec, after: VmSpec): (keyof VmSpecChange)[] {
  const keys = ['vcpu', 'memoryMib', 'diskBytes', 'rootBytes', 'network', 'outbound'] as const;
  return keys.filter((key) => before[key] !== after[key]);
}
