import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readFile, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { BangerError } from '@banger/contract/error';

export { ensurePrivateDir } from './private-dir.ts';

const PRIVATE_FILE_MODE = 0o600;

/**
 * Replaces a whole file so that a reader, and the disk after a power loss, has either the old or the new content:
 * temporary file beside it (`.NAME.<random>.tmp`), fsync, rename, fsync of the directory. 0600 unless told. Rejects with
 * `disk_full` when there is no room; whatever fails, the temporary file is removed and the old content stays.
 */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array,
  mode: number = PRIVATE_FILE_MODE,
): Promise<void> {
  const directory = dirname(path);
  const temporary = join(directory, `.${basename(path)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const file = await open(temporary, 'wx', mode);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (cause) {
    await unlink(temporary).catch(() => undefined);
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT')
      throw new BangerError('disk_full', `There is no room to write ${path}.`, { cause, details: { path } });
    throw cause;
  }
  await syncDirectory(directory);
}

/** Makes the names in a directory (a rename, a removal) survive a power loss. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/**
 * Reads a JSON file of ours; undefined when it does not exist. `parse` checks the shape and throws when it is wrong.
 * Rejects with `file_damaged`, naming the file, when it is not JSON or `parse` refuses it.
 */
export async function readJson<T>(path: string, parse: (value: unknown) => T): Promise<T | undefined> {
  let content: string;
  try {
    content = await readFile(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw damaged(path, 'cannot be read', cause);
  }
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch (cause) {
    throw damaged(path, content === '' ? 'is empty' : 'is not JSON', cause);
  }
  try {
    return parse(value);
  } catch (cause) {
    throw damaged(path, 'has not the expected content', cause);
  }
}

function damaged(path: string, what: string, cause: unknown): BangerError {
  return new BangerError('file_damaged', `The file ${path} ${what}.`, { cause, details: { path } });
}
