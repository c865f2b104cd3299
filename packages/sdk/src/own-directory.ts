import { constants } from 'node:fs';
import { lstat, mkdir, open, type FileHandle } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BangerError } from '@banger/contract/error';

/**
 * Opens a directory that must be this user's own and no symbolic link; what is then looked up below its descriptor
 * (`/proc/self/fd/N`, proc(5)) is in the directory that was checked, whoever changes the path meanwhile. Undefined when
 * there is none. Rejects with `path_unsafe`.
 */
export async function openOwnDirectory(path: string, uid: number): Promise<FileHandle | undefined> {
  let directory: FileHandle;
  try {
    directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    // With O_DIRECTORY Linux answers ENOTDIR for a symbolic link too.
    if (code === 'ENOTDIR' || code === 'ELOOP') {
      const link = (await lstat(path).catch(() => undefined))?.isSymbolicLink() === true;
      throw unsafe(path, link ? 'is a symbolic link' : 'is not a directory', cause);
    }
    throw unsafe(path, `cannot be opened (${code ?? 'unknown error'})`, cause);
  }
  const stat = await directory.stat();
  if (stat.uid === uid) return directory;
  await directory.close();
  throw unsafe(path, `belongs to another user (uid ${stat.uid})`);
}

/**
 * Makes a directory, 0700, with its missing parents; one that is there stays as it is, and is judged by `openOwnDirectory`.
 * Rejects with `path_unsafe` or `disk_full`. (Node's own recursive mkdir never returns where a parent exists and takes no
 * entries, as `/proc`.)
 */
export async function makeDirectory(path: string): Promise<void> {
  if (await made(path, 'ENOENT')) return;
  await makeDirectory(dirname(path));
  await made(path);
}

/** False when mkdir(2) failed with the code that is let pass. */
async function made(path: string, pass?: string): Promise<boolean> {
  try {
    await mkdir(path, { mode: 0o700 });
    return true;
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'EEXIST') return true;
    if (code !== undefined && code === pass) return false;
    if (code === 'ENOSPC' || code === 'EDQUOT')
      throw new BangerError('disk_full', `There is no room to make the directory ${path}.`, { cause });
    throw unsafe(path, `cannot be made (${code ?? 'unknown error'})`, cause);
  }
}

/** A file below an open directory. */
export function below(directory: FileHandle, name: string): string {
  return `/proc/self/fd/${directory.fd}/${name}`;
}

/** For `catch`: nothing is there; any other answer is passed on. */
export function absent(cause: unknown): undefined {
  if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
  throw cause;
}

/** The refusal of a path, naming it. */
export function unsafe(path: string, what: string, cause?: unknown): BangerError {
  return new BangerError('path_unsafe', `${path} ${what}.`, { cause, details: { path } });
}
