import { isAbsolute } from 'node:path';
import { sizeText, readSize } from '@banger/contract/size-text';
import { allowedText, isAllowed, vmLimits, type Limited } from '@banger/contract/vm-limits';
import { isArtifactName } from '../domain/artifact-name.ts';
import { durationText, readDuration } from '../domain/duration.ts';
import type { Key } from './key.ts';

/** The levels of the daemon's log, the most talkative first. */
const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** A VM is not stopped between two commands of one job, and a longer time is as good as none. */
const LEAST_STALE_MS = 60_000;
const MOST_STALE_MS = 365 * 86_400_000;

/** Each is read whenever an image or a kernel is looked for. */
const MOST_CATALOGS = 16;

/**
 * Every key there is, by its name from the top of the file; `docs/configuration.md` is kept equal by a test. A key comes with
 * the feature that reads it: one that nothing reads would be a promise that is not kept.
 */
export const configKeys = {
  log_level: key<LogLevel>({
    summary: "how much the daemon logs; `BANGER_LOG_LEVEL` in the environment of the daemon's start wins",
    otherwise: 'info',
    must: `be one of ${LOG_LEVELS.join(', ')}`,
    read: (value) => LOG_LEVELS.find((level) => value.kind === 'string' && value.text === level),
    write: (level) => level,
  }),
  default_image_name: key<string>({
    summary: 'the image of a VM that is made without `--image`',
    otherwise: 'debian-bookworm',
    must: 'be a name of 1-128 letters, digits, ".", "-" and "_", the first of them a letter, a digit or "_"',
    read: (value) => (value.kind === 'string' && isArtifactName(value.text) ? value.text : undefined),
    write: (name) => name,
  }),
  auto_stop_stale_after: key<number>({
    summary: 'a VM that nobody has used for so long is stopped',
    otherwise: 'off',
    must: `be a duration from ${durationText(LEAST_STALE_MS)} to ${durationText(MOST_STALE_MS)}, as "2h" or "1d12h"`,
    read: (value) => {
      const ms = value.kind === 'string' ? readDuration(value.text) : undefined;
      return ms !== undefined && ms >= LEAST_STALE_MS && ms <= MOST_STALE_MS ? ms : undefined;
    },
    write: durationText,
  }),
  image_catalogs: key<readonly string[]>({
    summary:
      'catalogs of images (JSON) that come before the one of banger; read whenever an image is looked for ([images.md](images.md#catalogs-of-images))',
    otherwise: 'off',
    ...catalogs(),
  }),
  kernel_catalogs: key<readonly string[]>({
    summary:
      'catalogs of kernels (JSON) that come before the one of banger; read whenever a kernel is looked for ([images.md](images.md#kernels))',
    otherwise: 'off',
    ...catalogs(),
  }),
  'vm_defaults.vcpu': key({
    summary: 'virtual CPUs of a VM that is made without `--vcpu`',
    otherwise: "a quarter of the host's CPUs, at least 1 and at most 4",
    ...count('vcpu'),
  }),
  'vm_defaults.memory_mib': key({
    summary: 'memory, in MiB, of a VM that is made without `--memory`',
    otherwise: "an eighth of the host's memory, at least 512 and at most 8192",
    ...count('memoryMib'),
  }),
  'vm_defaults.disk_size': key({
    summary: 'work disk of a VM that is made without `--disk-size`',
    otherwise: '8G',
    ...size('diskBytes'),
  }),
  'vm_defaults.root_size': key({
    summary:
      'what a VM that is made without `--root-size` may use of its root disk; never less than its image needs',
    otherwise: '8G',
    ...size('rootBytes'),
  }),
} as const;

export type ConfigKey = keyof typeof configKeys;
/** The value of a key, as the daemon works with it. */
export type ConfigValue<K extends ConfigKey> = (typeof configKeys)[K] extends Key<infer T> ? T : never;

/** The names of all keys, in the order in which they are shown. */
export const keyNames = Object.keys(configKeys) as ConfigKey[];
/** The tables that keys stand in. */
export const tableNames: readonly string[] = [
  ...new Set(
    keyNames.filter((name) => name.includes('.')).map((name) => name.slice(0, name.lastIndexOf('.'))),
  ),
];

export function isKey(name: string): name is ConfigKey {
  return Object.hasOwn(configKeys, name);
}

/** Keeps the type of a key's value. */
function key<T>(row: Key<T>): Key<T> {
  return row;
}

/** Files that are read when they are needed: one that is not there is told then. */
function catalogs(): Pick<Key<readonly string[]>, 'must' | 'read' | 'write'> {
  return {
    must: `be an array of 1-${MOST_CATALOGS} absolute paths`,
    read: (value) => {
      const paths = value.kind === 'array' ? (value.texts ?? []) : [];
      return paths.length > 0 && paths.length <= MOST_CATALOGS && paths.every((path) => isAbsolute(path))
        ? paths
        : undefined;
    },
    write: (paths) => paths.join(', '),
  };
}

/** A whole number with the limits that flags have. */
function count(limited: Limited): Pick<Key<number>, 'must' | 'read' | 'write'> {
  return {
    must: `be a whole number from ${vmLimits[limited].least} to ${vmLimits[limited].most}`,
    read: (value) =>
      value.kind === 'integer' && isAllowed(limited, value.number) ? value.number : undefined,
    write: (number) => number,
  };
}

/** A size in bytes, written with a unit, with the limits that flags have. */
function size(limited: Limited): Pick<Key<number>, 'must' | 'read' | 'write'> {
  return {
    must: `be a size with a unit, as "8G", ${allowedText(limited)}`,
    read: (value) => {
      const written = value.kind === 'string' ? readSize(value.text) : undefined;
      if (written?.unitBytes === undefined) return undefined;
      const bytes = written.count * written.unitBytes;
      return isAllowed(limited, bytes) ? bytes : undefined;
    },
    write: sizeText,
  };
}
