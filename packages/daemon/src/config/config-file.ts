import { constants } from 'node:fs';
import { lstat, open, stat, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BangerError } from '@banger/contract/error';

/** More than anybody writes by hand; what is longer is another file. */
const MOST_BYTES = 64 * 1024;
const GROUP_OR_WORLD_WRITABLE = 0o022;
const WORLD_WRITABLE = 0o002;
const STICKY = 0o1000;

/**
 * The text of the configuration file; undefined when there is none. Nothing that is there is passed over: rejects with
 * `path_unsafe` when another user could have written it (owner neither `uid` nor root, or writable by group or world, or in
 * a directory of that kind), and with `config_invalid` when it cannot be read. A link to it is followed: people keep their
 * configuration in repositories.
 */
export async function readConfigFile(path: string, uid: number): Promise<string | undefined> {
  if (!(await checkDirectory(dirname(path), uid))) return undefined;
  const file = await openConfig(path);
  if (file === undefined) return undefined;
  try {
    await checkFile(path, file, uid);
    const { bytesRead, buffer } = await file.read(Buffer.alloc(MOST_BYTES + 1), 0, MOST_BYTES + 1, 0);
    if (bytesRead > MOST_BYTES) throw unreadable(path, `is longer than ${MOST_BYTES / 1024} KiB`);
    return decode(path, buffer.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}

/** Whether the directory is there; who may write it can replace every file in it. */
async function checkDirectory(path: string, uid: number): Promise<boolean> {
  const found = await stat(path).catch((cause: unknown) => {
    if (codeOf(cause) === 'ENOENT') return undefined;
    throw unreadable(path, `cannot be looked at (${codeOf(cause)})`, cause);
  });
  if (found === undefined) return false;
  if (found.uid !== uid && found.uid !== 0) throw unsafe(path, `belongs to another user (uid ${found.uid})`);
  if ((found.mode & WORLD_WRITABLE) !== 0 && (found.mode & STICKY) === 0)
    throw unsafe(path, 'can be written by every user', `chmod o-w ${path}`);
  return true;
}

async function openConfig(path: string): Promise<FileHandle | undefined> {
  try {
    // Without O_NONBLOCK a FIFO would be waited for.
    return await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    if (codeOf(cause) !== 'ENOENT') throw unreadable(path, `cannot be read (${codeOf(cause)})`, cause);
    const link = await lstat(path).catch(() => undefined);
    if (link === undefined) return undefined;
    throw unreadable(path, 'is a symbolic link to nothing', cause);
  }
}

async function checkFile(path: string, file: FileHandle, uid: number): Promise<void> {
  const found = await file.stat();
  if (!found.isFile()) throw unreadable(path, 'is not a file');
  if (found.uid !== uid && found.uid !== 0) throw unsafe(path, `belongs to another user (uid ${found.uid})`);
  if ((found.mode & GROUP_OR_WORLD_WRITABLE) !== 0)
    throw unsafe(path, 'can be written by other users', `chmod go-w ${path}`);
}

function decode(path: string, bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (cause) {
    throw unreadable(path, 'is not UTF-8 text', cause);
  }
}

function codeOf(cause: unknown): string {
  return (cause as NodeJS.ErrnoException).code ?? 'unknown reason';
}

function unreadable(path: string, what: string, cause?: unknown): BangerError {
  return new BangerError('config_invalid', `The configuration ${path} ${what}.`, {
    ...(cause === undefined ? {} : { cause }),
    hint: `Look at its owner and mode with \`ls -ld ${path}\`, or move it away: without it the defaults hold.`,
    details: { path },
  });
}

function unsafe(path: string, what: string, command = `ls -ld ${path}`): BangerError {
  return new BangerError('path_unsafe', `The configuration ${path} ${what}.`, {
    hint: `Make sure that it says what you want, then run \`${command}\`.`,
    details: { path },
  });
}
