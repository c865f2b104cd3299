import { constants } from 'node:fs';
import { lstat, open, type FileHandle } from 'node:fs/promises';
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
      const link = (await lstat(path).catch(absent))?.isSymbolicLink() === true;
      throw unsafe(path, link ? 'is a symbolic link' : 'is not a directory', cause);
    }
    throw unsafe(path, `cannot be opened (${code ?? 'unknown error'})`, cause);
  }
  const stat = await directory.stat();
  if (stat.uid === uid) return directory;
  await directory.close();
  throw unsafe(path, `belongs to another user (uid ${stat.uid})`);
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
