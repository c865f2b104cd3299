import { statSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';

/** What SQLite keeps beside a database of changes that are not in it yet, or not all of them: https://sqlite.org/tempfiles.html. */
export const CHANGES_BESIDE = ['-wal', '-journal'] as const;

/** Shared memory by which several processes would find their way in a write-ahead log. A daemon has its log for itself, and makes none. */
export const SHARED_MEMORY = '-shm';

/**
 * Opens a database as it is in its file, without locks and without making what a database with a write-ahead log needs beside it even to
 * be read (https://sqlite.org/uri.html, `immutable`). Undefined when the file alone does not tell all: changes of a killed process are
 * beside it.
 */
export function openAsItIs(file: string): DatabaseSync | undefined {
  if (CHANGES_BESIDE.some((suffix) => sizeOf(file + suffix) > 0)) return undefined;
  const address = pathToFileURL(file);
  address.searchParams.set('immutable', '1');
  return new DatabaseSync(address, { readOnly: true });
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
