import { copyFileSync, existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';
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
  const log = `${file}-wal`;
  if ((statSync(log, { throwIfNoEntry: false })?.size ?? 0) === 0) {
    // As it is, without locks and without what may belong to it: https://sqlite.org/uri.html.
    const address = pathToFileURL(file);
    address.searchParams.set('immutable', '1');
    return inspectIn(new DatabaseSync(address, { readOnly: true }), file, newest);
  }
  // A daemon was killed: what it wrote last is in the log alone, which SQLite reads only while it makes files beside it.
  const copies = mkdtempSync(join(tmpdir(), 'banger-doctor-state-'));
  try {
    const copy = join(copies, DATABASE_FILE);
    copyFileSync(file, copy);
    copyFileSync(log, `${copy}-wal`);
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
