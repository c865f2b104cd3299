import { readSize, type WrittenSize } from '@banger/contract/size-text';
import { allowedText, isAllowed, type Limited } from '@banger/contract/vm-limits';
import { quoted, usageError } from './usage.ts';

const MIB = 1024 ** 2;
/** What the daemon takes in one call. */
const MOST_PINGS = 1000;

/** `--memory`: MiB, or a size with a unit; whole MiB. */
export function parseMemoryMib(value: string, flag: string): number {
  const { count, unitBytes = MIB } = written(value, flag, 'as 2G, 512M or 512 (MiB)');
  const mib = (count * unitBytes) / MIB;
  if (!Number.isInteger(mib)) throw usageError(`${flag} ${quoted(value)} is not a whole number of MiB.`);
  return allowed('memoryMib', mib, value, flag);
}

/** `--disk-size`: bytes of the work disk, from a size with a unit. */
export function parseDiskBytes(value: string, flag: string): number {
  return allowed('diskBytes', bytesOf(value, flag), value, flag);
}

/** `--root-size`: bytes that the VM may use of its root disk, from a size with a unit. */
export function parseRootBytes(value: string, flag: string): number {
  return allowed('rootBytes', bytesOf(value, flag), value, flag);
}

/** `--vcpu`: a number of virtual CPUs. */
export function parseVcpu(value: string, flag: string): number {
  return allowed('vcpu', parseCount(value, flag), value, flag);
}

/** `--count` of `vm ping`. */
export function parsePings(value: string, flag: string): number {
  const count = parseCount(value, flag);
  if (count >= 1 && count <= MOST_PINGS) return count;
  throw usageError(`${flag} ${quoted(value)} is not between 1 and ${MOST_PINGS}.`);
}

/** A whole number, 0 or more. */
export function parseCount(value: string, flag: string): number {
  if (!/^\d{1,9}$/.test(value)) throw usageError(`${flag} ${quoted(value)} is not a whole number.`);
  return Number(value);
}

function bytesOf(value: string, flag: string): number {
  const { count, unitBytes } = written(value, flag, 'as 8G or 512M');
  if (unitBytes === undefined)
    throw usageError(`${flag} ${quoted(value)} has no unit.`, `Write ${value}G, or ${value}M.`);
  return count * unitBytes;
}

function written(value: string, flag: string, how: string): WrittenSize {
  const size = readSize(value);
  if (size === undefined) throw usageError(`${flag} ${quoted(value)} is not a size.`, `Write it ${how}.`);
  return size;
}

/** Refuses here, by the name of the flag, what the daemon would refuse by that of the field. */
function allowed(key: Limited, number: number, value: string, flag: string): number {
  if (isAllowed(key, number)) return number;
  throw usageError(
    `${flag} ${quoted(value)} is not allowed: it must be ${allowedText(key)}.`,
    'Leave it out to get the default.',
  );
}
