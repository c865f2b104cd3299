import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { BangerError } from '@banger/contract/error';
import { SqliteDatabase, type Database } from './database.ts';
import { migrations as allMigrations } from './migrations.ts';

/** The state database's file name in the state directory. */
export const DATABASE_FILE = 'banger.db';
/** Names the daemon that holds the database's lock; the lock itself cannot. */
export const HOLDER_FILE = 'bangerd.json';

/** How long a second daemon waits for the lock: the first may be in the last milliseconds of its shutdown. */
const LOCK_WAIT_MS = 200;

/** `SQLITE_BUSY`, `SQLITE_CORRUPT`, `SQLITE_NOTADB` (https://sqlite.org/rescode.html). */
const BUSY = 5;
const CORRUPT = 11;
const NOT_A_DATABASE = 26;

/**
 * Opens the state database in `directory` (which exists, private), takes its lock for as long as it is open and brings
 * it to the newest version. The lock is the one-daemon lock and is freed by SIGKILL too. Rejects with `daemon_held`
 * (naming the holder), `database_newer` or `database_corrupt`; in these cases the file is as it was.
 */
export function openState(directory: string, migrations: readonly string[] = allMigrations): Database {
  const file = join(directory, DATABASE_FILE);
  if (existsSync(file)) inspect(file, directory, migrations.length);
  return guarded(file, directory, () => {
    const connection = new DatabaseSync(file, { timeout: LOCK_WAIT_MS, enableForeignKeyConstraints: true });
    try {
      // Exclusive before WAL: then the lock is held by the connection and no shared-memory file is made.
      connection.exec(
        'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;',
      );
      connection.exec('BEGIN EXCLUSIVE; COMMIT;');
      migrate(connection, migrations);
    } catch (error) {
      connection.close();
      throw error;
    }
    return new SqliteDatabase(connection);
  });
}

/** Looks at an existing file without writing to it: whole, and not of a later version. */
function inspect(file: string, directory: string, newest: number): void {
  guarded(file, directory, () => {
    const connection = new DatabaseSync(file, { readOnly: true, timeout: LOCK_WAIT_MS });
    try {
      const version = versionOf(connection);
      if (version > newest) {
        throw new BangerError(
          'database_newer',
          `${file} has version ${version}; this banger knows up to ${newest}.`,
          {
            details: { file, version, newest },
          },
        );
      }
      const verdict = connection.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
      if (verdict !== 'ok') throw corrupt(file, String(verdict));
    } finally {
      connection.close();
    }
  });
}

function migrate(connection: DatabaseSync, migrations: readonly string[]): void {
  for (let version = versionOf(connection); version < migrations.length; version += 1) {
    connection.exec(`BEGIN IMMEDIATE;${migrations[version]};PRAGMA user_version = ${version + 1};COMMIT;`);
  }
}

function versionOf(connection: DatabaseSync): number {
  return Number(connection.prepare('PRAGMA user_version').get()?.['user_version']);
}

/** Turns SQLite's errors into ours. */
function guarded<T>(file: string, directory: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const code = (error as { errcode?: number }).errcode;
    if (code === undefined) throw error;
    // Extended result codes carry the primary one in their low byte.
    switch (code & 0xff) {
      case BUSY:
        throw new BangerError('daemon_held', `Another daemon${holder(directory)} holds ${directory}.`, {
          cause: error,
        });
      case CORRUPT:
      case NOT_A_DATABASE:
        throw corrupt(file, (error as Error).message, error);
      default:
        throw new BangerError('database_corrupt', `${file} cannot be opened: ${(error as Error).message}.`, {
          cause: error,
          hint: 'Check the permissions of the state directory and the room on its disk.',
        });
    }
  }
}

function corrupt(file: string, verdict: string, cause?: unknown): BangerError {
  return new BangerError('database_corrupt', `${file} is damaged (${verdict}).`, {
    cause,
    details: { file },
  });
}

/** ` (pid 123)` when the holder's file says so. */
function holder(directory: string): string {
  try {
    const { pid } = JSON.parse(readFileSync(join(directory, HOLDER_FILE), 'utf8')) as { pid?: unknown };
    return typeof pid === 'number' ? ` (pid ${pid})` : '';
  } catch {
    return ''; // Only a nicety of the message: the refusal stands without it.
  }
}
