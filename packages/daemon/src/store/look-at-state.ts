import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { CHANGES_BESIDE, openAsItIs } from './as-it-is.ts';
import type { Database } from './database.ts';
import { hasOpen, namedHolder } from './holder.ts';
import { inspect } from './inspect.ts';
import { migrations } from './migrations.ts';
import { DATABASE_FILE, held } from './open-state.ts';
import { corrupt, stateError } from './sqlite-error.ts';

/** What a look at the state's database found. */
export type StateLook =
  /** There is none. */
  | { readonly found: 'nothing'; readonly file: string }
  /** Another process, a daemon, has it open: only that one can tell what is in it. */
  | { readonly found: 'held'; readonly file: string; readonly pid: number }
  /** Whole; `version` is not above `newest`, to which the next daemon brings it. */
  | {
      readonly found: 'whole';
      readonly file: string;
      readonly version: number;
      readonly newest: number;
    };

/**
 * Looks at the state's database in `directory`, makes nothing there and takes no lock. Throws `database_newer` or `database_corrupt`.
 * Any other way to open it would do both: a database with a write-ahead log needs a file of shared memory even to be read.
 */
export function lookAtState(directory: string, newest: number = migrations.length): StateLook {
  const file = join(directory, DATABASE_FILE);
  if (!existsSync(file)) return { found: 'nothing', file };
  const pid = namedHolder(directory);
  if (pid !== undefined && hasOpen(pid, file)) return { found: 'held', file, pid };
  try {
    return { found: 'whole', file, version: versionIn(file, newest), newest };
  } catch (error) {
    throw stateError(error, file, (cause) => held(directory, cause));
  }
}

/** Looks at the database that this process has open. Throws `database_corrupt`. */
export function lookAtOpenState(directory: string, database: Database): StateLook {
  const file = join(directory, DATABASE_FILE);
  const verdict = database.get('PRAGMA quick_check(1)')?.['quick_check'];
  if (verdict !== 'ok') throw corrupt(file, String(verdict));
  const version = Number(database.get('PRAGMA user_version')?.['user_version']);
  return { found: 'whole', file, version, newest: version };
}

function versionIn(file: string, newest: number): number {
  const alone = openAsItIs(file);
  if (alone !== undefined) return inspectIn(alone, file, newest);
  // A daemon was killed: what it wrote last is beside the file alone, which SQLite reads only while it makes files there.
  const copies = mkdtempSync(join(tmpdir(), 'banger-doctor-state-'));
  try {
    const copy = join(copies, DATABASE_FILE);
    for (const suffix of ['', ...CHANGES_BESIDE])
      if (existsSync(file + suffix)) copyFileSync(file + suffix, copy + suffix);
    return inspectIn(new DatabaseSync(copy), file, newest);
  } finally {
    rmSync(copies, { recursive: true });
  }
}

function inspectIn(connection: DatabaseSync, file: string, newest: number): number {
  try {
    return inspect(connection, file, newest);
  } finally {
    connection.close();
  }
}
