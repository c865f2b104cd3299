import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

/** The part of a lock file's entry that tells whether the wanted package is installed (npm, package-lock.json). */
interface LockEntry {
  readonly version?: string;
  readonly integrity?: string;
  readonly link?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  /** May be left out. */
  readonly optional?: boolean;
  /** Machines that the package is for; any when absent. */
  readonly os?: readonly string[];
  readonly cpu?: readonly string[];
  readonly libc?: readonly string[];
}

/**
 * Exits 0 when node_modules holds what package-lock.json asks for, else 1. npm lists there what it has installed. Of the
 * optional packages those for this machine are asked for too: npm on an old Node leaves them out without a word.
 */
const root = join(import.meta.dirname, '..');
const wanted = entries('package-lock.json');
const installed = entries('node_modules/.package-lock.json');
const current = Object.entries(wanted).every(
  ([path, entry]) => path === '' || isInstalled(entry, installed[path]),
);
process.exitCode = current ? 0 : 1;

function isInstalled(want: LockEntry, have: LockEntry | undefined): boolean {
  if (have === undefined) return want.optional === true && !isForThisMachine(want);
  return isDeepStrictEqual(identity(want), identity(have));
}

function identity({ version, integrity, link, dependencies }: LockEntry): readonly unknown[] {
  return [version, integrity, link, dependencies];
}

/** The Node that runs this is linked with glibc, so the machine has it. A package for any machine is for none above all. */
function isForThisMachine({ os, cpu, libc }: LockEntry): boolean {
  if (os === undefined || cpu === undefined) return false;
  return os.includes(process.platform) && cpu.includes(process.arch) && (libc?.includes('glibc') ?? true);
}

function entries(file: string): Readonly<Record<string, LockEntry>> {
  try {
    return (JSON.parse(readFileSync(join(root, file), 'utf8')) as { packages: Record<string, LockEntry> })
      .packages;
  } catch {
    return {};
  }
}
