import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { BangerError, isBangerError } from '@banger/contract/error';
import { openAsItIs, SHARED_MEMORY } from './as-it-is.ts';
import { Ballast } from './ballast.ts';
import { SqliteDatabase, type Database } from './database.ts';
import { namedHolder } from './holder.ts';
import { inspect, versionOf } from './inspect.ts';
import { migrations as allMigrations } from './migrations.ts';
import { stateError } from './sqlite-error.ts';

/** The state database's file name in the state directory. */
export const DATABASE_FILE = 'banger.db';

/** How long a second daemon waits for the lock: the first may be in the last milliseconds of its shutdown. */
const LOCK_WAIT_MS = 200;
/** After so many pages of 4 KiB the write-ahead log begins anew: on a full disk it has to do with the ballast's room. */
const CHECKPOINT_PAGES = 100;

/**
 * Opens the state database in `directory` (which exists, private), takes its lock for as long as it is open and brings
 * it to the newest version. The lock is the one-daemon lock and is freed by SIGKILL too. Rejects with `daemon_held`
 * (naming the holder), `disk_full`, `database_newer` or `database_corrupt`; in these cases the file is as it was.
 */
export function openState(directory: string, migrations: readonly string[] = allMigrations): Database {
  const file = join(directory, DATABASE_FILE);
  const ballast = new Ballast(directory);
  const database = openWithRoom(ballast, () => {
    // Even a look can take room: over the log of a killed daemon it makes a file of shared memory.
    if (existsSync(file)) inspectFile(file, directory, migrations.length);
    return openFile(file, directory, ballast, migrations);
  });
  ballast.fill();
  return database;
}

/** Opens; on a full disk with the room that is kept for that. */
function openWithRoom(ballast: Ballast, open: () => Database): Database {
  try {
    return open();
  } catch (error) {
    if (!isBangerError(error, 'disk_full') || !ballast.release()) throw error;
    return open();
  }
}

function openFile(
  file: string,
  directory: string,
  ballast: Ballast,
  migrations: readonly string[],
): Database {
  return guarded(file, directory, () => {
    const connection = new DatabaseSync(file, { timeout: LOCK_WAIT_MS, enableForeignKeyConstraints: true });
    try {
      // Exclusive before WAL: then the lock is held by the connection and no shared-memory file is made.
      connection.exec(
        'PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;',
      );
      connection.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};`);
      connection.exec('BEGIN EXCLUSIVE; COMMIT;');
      migrate(connection, migrations);
    } catch (error) {
      connection.close();
      throw error;
    }
    return new SqliteDatabase(connection, {
      explain: (error) => stateError(error, file, (cause) => held(directory, cause)),
      release: () => ballast.release(),
    });
  });
}

/** Looks at an existing file: whole, and not of a later version. Writes nothing to it, and leaves nothing beside it. */
function inspectFile(file: string, directory: string, newest: number): void {
  guarded(file, directory, () => {
    const memory = file + SHARED_MEMORY;
    const isOther = existsSync(memory);
    const connection = openAsItIs(file) ?? new DatabaseSync(file, { readOnly: true, timeout: LOCK_WAIT_MS });
    try {
      inspect(connection, file, newest);
    } finally {
      connection.close();
      // A connection that only reads does not take it away.
      if (!isOther) rmSync(memory, { force: true });
    }
  });
}

function migrate(connection: DatabaseSync, migrations: readonly string[]): void {
  for (let version = versionOf(connection); version < migrations.length; version += 1) {
    connection.exec(`BEGIN IMMEDIATE;${migrations[version]};PRAGMA user_version = ${version + 1};COMMIT;`);
  }
}

/** Turns SQLite's errors into ours. */
function guarded<T>(file: string, directory: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw stateError(error, file, (cause) => held(directory, cause));
  }
}

/** The refusal of a database that somebody else holds. Whoever has got this far did not find the holder on its socket, so that asking it to end may not reach it. */
export function held(directory: string, cause: unknown): BangerError {
  const pid = namedHolder(directory);
  if (pid === undefined)
    return new BangerError('daemon_held', `Another program holds ${directory}.`, {
      cause,
      hint: `Find out which with \`fuser ${join(directory, DATABASE_FILE)}\`, and end it.`,
    });
  return new BangerError('daemon_held', `Another daemon (pid ${pid}) holds ${directory}.`, {
    cause,
    hint: `Use that daemon, or end it with \`kill ${pid}\`: its VMs run on.`,
    details: { pid },
  });
}
