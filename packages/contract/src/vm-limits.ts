import { sizeText } from './size-text.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const TIB = 1024 ** 4;

/**
 * The values that a VM's spec may have, ends included; each with its reason. Command line, configuration and daemon check
 * by this one table. No zod here: the CLI reads it.
 */
export const vmLimits = {
  /** QEMU's q35 with the default interrupt controller set-up allows 255; beyond the host's CPUs nothing is gained. */
  vcpu: { least: 1, most: 128, text: String },
  /** Below 128 MiB the Debian kernel with its initramfs does not boot; 1 TiB is past any host that we meet. */
  memoryMib: { least: 128, most: 1024 * 1024, text: (mib: number) => sizeText(mib * MIB) },
  /** ext4 with a journal wants some room; the work disk's file system can be grown to 1 TiB. */
  diskBytes: { least: 64 * MIB, most: TIB, text: sizeText },
  /** The smallest image is 1 GiB; 1 TiB as above. */
  rootBytes: { least: GIB, most: TIB, text: sizeText },
} as const;

/** A value of the spec that has limits. */
export type Limited = keyof typeof vmLimits;

/** Whether a spec may have this value. */
export function isAllowed(key: Limited, value: number): boolean {
  const { least, most } = vmLimits[key];
  return Number.isSafeInteger(value) && value >= least && value <= most;
}

/** What is allowed, as the rest of a sentence: `from 64M to 1T`. */
export function allowedText(key: Limited): string {
  const { least, most, text } = vmLimits[key];
  return `from ${text(least)} to ${text(most)}`;
}
