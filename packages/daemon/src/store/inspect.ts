import type { DatabaseSync } from 'node:sqlite';
import { BangerError } from '@banger/contract/error';
import { corrupt } from './sqlite-error.ts';

/** The version of a database that is whole. Throws `database_newer` when that is above `newest`, `database_corrupt` when it is not whole. */
export function inspect(connection: DatabaseSync, file: string, newest: number): number {
  const version = versionOf(connection);
  if (version > newest) {
    throw new BangerError(
      'database_newer',
      `${file} has version ${version}; this banger knows up to ${newest}.`,
      { details: { file, version, newest } },
    );
  }
  const verdict = connection.prepare('PRAGMA quick_check(1)').get()?.['quick_check'];
  if (verdict !== 'ok') throw corrupt(file, String(verdict));
  return version;
}

/** How many of the migrations a database has. */
export function versionOf(connection: DatabaseSync): number {
  return Number(connection.prepare('PRAGMA user_version').get()?.['user_version']);
}
