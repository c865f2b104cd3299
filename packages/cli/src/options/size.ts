import { quoted, usageError } from './usage.ts';

const MIB = 1024 ** 2;
const factors: Readonly<Record<string, number>> = { K: 1024, M: MIB, G: 1024 ** 3, T: 1024 ** 4 };
const SIZE = /^(\d{1,15})(?:([KMGT])(?:iB)?)?$/i;

/** The largest disk: ext4 with 4 KiB blocks ends at 16 TiB without its 64-bit feature. */
const MOST_DISK_BYTES = 16 * 1024 ** 4;
/** No machine that runs a VM for one developer has more. */
const MOST_MEMORY_MIB = 4 * MIB;
/** The most that the Linux kernel of Debian is built for (CONFIG_NR_CPUS). */
const MOST_VCPU = 8192;

/** `--memory`: MiB, or a size with a unit; whole MiB. */
export function parseMemoryMib(value: string, flag: string): number {
  const { count, factor } = split(value, flag, 'as 2G, 512M or 512 (MiB)');
  const mib = factor === undefined ? count : (count * factor) / MIB;
  if (!Number.isInteger(mib)) throw usageError(`${flag} ${quoted(value)} is not a whole number of MiB.`);
  return bounded(mib, MOST_MEMORY_MIB, value, flag, '4T');
}

/** `--disk-size`, `--root-size`: bytes, from a size with a unit. */
export function parseDiskBytes(value: string, flag: string): number {
  const { count, factor } = split(value, flag, 'as 8G or 512M');
  if (factor === undefined)
    throw usageError(`${flag} ${quoted(value)} has no unit.`, `Write ${value}G, or ${value}M.`);
  return bounded(count * factor, MOST_DISK_BYTES, value, flag, '16T');
}

/** `--vcpu`: a number of virtual CPUs. */
export function parseVcpu(value: string, flag: string): number {
  return bounded(parseCount(value, flag), MOST_VCPU, value, flag, String(MOST_VCPU));
}

/** A whole number, 0 or more. */
export function parseCount(value: string, flag: string): number {
  if (!/^\d{1,9}$/.test(value)) throw usageError(`${flag} ${quoted(value)} is not a whole number.`);
  return Number(value);
}

function split(value: string, flag: string, how: string): { count: number; factor: number | undefined } {
  const match = SIZE.exec(value);
  if (match === null) throw usageError(`${flag} ${quoted(value)} is not a size.`, `Write it ${how}.`);
  const unit = match[2]?.toUpperCase();
  return { count: Number(match[1]), factor: unit === undefined ? undefined : factors[unit] };
}

function bounded(number: number, most: number, value: string, flag: string, mostText: string): number {
  if (number < 1) throw usageError(`${flag} must be more than 0.`, 'Leave it out to get the default.');
  if (number > most) throw usageError(`${flag} ${quoted(value)} is too much: the most is ${mostText}.`);
  return number;
}
