import { BangerError } from '@banger/contract/error';
import type { VmSpec } from '@banger/contract/vm';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const TIB = 1024 ** 4;

/** The values a spec may have, ends included; each with its reason. */
const specLimits = {
  /** QEMU's q35 with the default interrupt controller set-up allows 255; beyond the host's CPUs nothing is gained. */
  vcpu: { least: 1, most: 128 },
  /** Below 128 MiB the Debian kernel with its initramfs does not boot; 1 TiB is past any host that we meet. */
  memoryMib: { least: 128, most: 1024 * 1024 },
  /** ext4 with a journal wants some room; the work disk's file system can be grown to 1 TiB. */
  diskBytes: { least: 64 * MIB, most: TIB },
  /** The smallest image is 1 GiB; 1 TiB as above. */
  rootBytes: { least: GIB, most: TIB },
} as const;

type Limited = keyof typeof specLimits;

/** Refuses a spec with a value out of its limits with `invalid_argument`, naming the value and what is allowed. */
export function checkSpecLimits(spec: Partial<Pick<VmSpec, Limited>>): void {
  for (const key of Object.keys(specLimits) as Limited[]) {
    const value = spec[key];
    const { least, most } = specLimits[key];
    if (value === undefined || (Number.isSafeInteger(value) && value >= least && value <= most)) continue;
    const show = key.endsWith('Bytes') ? mebibytes : String;
    throw new BangerError(
      'invalid_argument',
      `${key} is ${show(value)}: it must be from ${show(least)} to ${show(most)}.`,
      {
        details: { key, value, least, most },
      },
    );
  }
}

/** Bytes as MiB, or as bytes below one. */
function mebibytes(bytes: number): string {
  return Math.abs(bytes) < MIB ? `${bytes} bytes` : `${Math.floor(bytes / MIB)} MiB`;
}
