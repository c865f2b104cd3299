import { statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { BangerError } from '@banger/contract/error';

/** `SQLITE_BUSY`, `SQLITE_IOERR`, `SQLITE_CORRUPT`, `SQLITE_FULL`, `SQLITE_NOTADB` (https://sqlite.org/rescode.html). */
const BUSY = 5;
const IO_ERROR = 10;
const CORRUPT = 11;
const FULL = 13;
const NOT_A_DATABASE = 26;

/** Below this a file system is full: SQLite writes whole pages, and a file system keeps some blocks back. */
const FULL_BELOW_BYTES = 1024 ** 2;

/**
 * SQLite's error about a database file as one of ours: `disk_full`, `database_corrupt`, or what `onBusy` makes of a lock that somebody
 * else holds. Anything else comes back as it is.
 */
export function stateError(error: unknown, file: string, onBusy: (cause: unknown) => BangerError): unknown {
  const code = (error as { errcode?: number }).errcode;
  if (code === undefined) return error;
  const { message } = error as Error;
  // Extended result codes carry the primary one in their low byte.
  const primary = code & 0xff;
  if (primary === BUSY) return onBusy(error);
  if (primary === FULL || (primary === IO_ERROR && isFull(dirname(file)))) return noRoom(file, error);
  if (primary === CORRUPT || primary === NOT_A_DATABASE) return corrupt(file, message, error);
  return new BangerError('database_corrupt', `${file} cannot be used: ${message}.`, {
    cause: error,
    hint: 'Check the permissions of the state directory and the room on its disk.',
    details: { file },
  });
}

/** The refusal of a damaged database. */
export function corrupt(file: string, verdict: string, cause?: unknown): BangerError {
  return new BangerError('database_corrupt', `${file} is damaged (${verdict}).`, {
    cause,
    details: { file },
  });
}

function noRoom(file: string, cause: unknown): BangerError {
  return new BangerError('disk_full', `There is no room for ${file}.`, { cause, details: { file } });
}

/** A write-ahead log that cannot be made is only an I/O error to SQLite, whatever kept it from that. */
function isFull(directory: string): boolean {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize < FULL_BELOW_BYTES;
}
