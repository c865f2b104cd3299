import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';

/** Where mkfs, nft and their like live; absent from the PATH of an ordinary Debian login. */
const SYSTEM_DIRECTORIES = ['/usr/sbin', '/sbin'];

/** What execvp falls back to when PATH is not set (confstr(3), _CS_PATH), with the usual local directory. */
const DEFAULT_PATH = '/usr/local/bin:/usr/bin:/bin';

/** The PATH that programs of the host are looked up in and started with: the given one plus the sbin directories. */
export function searchPath(path: string | undefined): string {
  const directories = (path === undefined || path === '' ? DEFAULT_PATH : path).split(delimiter);
  for (const directory of SYSTEM_DIRECTORIES)
    if (!directories.includes(directory)) directories.push(directory);
  return directories.join(delimiter);
}

/**
 * Absolute path of the executable regular file that `program` names in a PATH, or undefined. A name with a slash is
 * taken as it is. Relative and empty PATH entries are passed over: what they find depends on the current directory.
 */
export async function findProgram(program: string, path: string): Promise<string | undefined> {
  if (program === '') return undefined;
  if (program.includes('/')) return (await isExecutableFile(program)) ? program : undefined;
  for (const directory of path.split(delimiter)) {
    if (!isAbsolute(directory)) continue;
    const candidate = join(directory, program);
    if (await isExecutableFile(candidate)) return candidate;
  }
  return undefined;
}

async function isExecutableFile(path: string): Promise<boolean> {
  try {
    if (!(await stat(path)).isFile()) return false;
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
