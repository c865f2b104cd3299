import { constants, type Stats } from 'node:fs';
import { access, lstat, mkdir, open, readlink } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { BangerError } from '@banger/contract/error';

/** Links that may stand on the way to a directory; the kernel follows at most 40 (path_resolution(7)). */
const MAX_LINKS = 40;
const WORLD_WRITABLE = 0o002;
const STICKY = 0o1000;
const PRIVATE_MODE = 0o700;

/**
 * Makes `path` a directory that only its owner, `uid`, can enter: created 0700 with its missing parents, tightened to
 * 0700 when it was wider. Rejects with `path_unsafe`, naming the path at fault, when it is a symbolic link or someone
 * else's, or when somebody else could replace a directory on the way: a component that is neither the owner's nor
 * root's, or that everybody may write without the sticky bit. Links on the way are followed where the owner or root
 * made them, so that a home directory may live elsewhere. Group-writable parents are accepted, because distributions
 * give each user a group of their own.
 */
export async function ensurePrivateDir(path: string, uid: number = currentUid()): Promise<void> {
  if (!isAbsolute(path)) throw unsafe(path, 'is not an absolute path');
  const full = resolve(path);
  await walk(dirname(full), uid, async (next) => {
    await makeDirectory(next);
    return lstat(next);
  });
  await makeDirectory(full);
  await tighten(full, uid);
}

/**
 * What `ensurePrivateDir` would find, with nothing made or changed: `missing`, `open` to others until it is tightened, or `private`.
 * Rejects as that does.
 */
export async function lookAtPrivateDir(
  path: string,
  uid: number = currentUid(),
): Promise<'missing' | 'open' | 'private'> {
  if (!isAbsolute(path)) throw unsafe(path, 'is not an absolute path');
  const full = resolve(path);
  const parent = await walk(dirname(full), uid, lstatIfThere);
  const stat = parent.whole ? await lstatIfThere(full) : undefined;
  if (stat === undefined) {
    await access(parent.reached, constants.W_OK | constants.X_OK).catch((cause: unknown) => {
      throw notMade(path, cause);
    });
    return 'missing';
  }
  if (stat.isSymbolicLink()) throw unsafe(path, 'is a symbolic link');
  if (!stat.isDirectory()) throw unsafe(path, 'is not a directory');
  if (stat.uid !== uid) throw unsafe(path, `belongs to another user (uid ${stat.uid})`);
  return (stat.mode & 0o7777) === PRIVATE_MODE ? 'private' : 'open';
}

/** Walks to a directory component by component, to the first that is not there at the farthest. */
async function walk(
  directory: string,
  uid: number,
  look: (path: string) => Promise<Stats | undefined>,
): Promise<{ readonly reached: string; readonly whole: boolean }> {
  let pending = directory.split('/').filter((part) => part !== '');
  let current = '/';
  let links = 0;
  checkComponent(current, await lstat(current), uid);
  for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
    const next = join(current, name);
    const stat = await look(next);
    if (stat === undefined) return { reached: current, whole: false };
    if (stat.isSymbolicLink()) {
      if (++links > MAX_LINKS) throw unsafe(directory, 'goes through too many symbolic links');
      if (!isTrusted(stat, uid)) throw unsafe(next, `is a symbolic link of another user (uid ${stat.uid})`);
      const target = resolve(current, await readlink(next));
      pending = [...target.split('/').filter((part) => part !== ''), ...pending];
      current = '/';
      continue;
    }
    checkComponent(next, stat, uid);
    current = next;
  }
  return { reached: current, whole: true };
}

async function lstatIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unsafe(path, 'cannot be looked at', cause);
  }
}

function checkComponent(path: string, stat: Stats, uid: number): void {
  if (!stat.isDirectory()) throw unsafe(path, 'is not a directory');
  if (!isTrusted(stat, uid)) throw unsafe(path, `belongs to another user (uid ${stat.uid})`);
  if ((stat.mode & WORLD_WRITABLE) !== 0 && (stat.mode & STICKY) === 0)
    throw unsafe(path, 'can be written by every user');
}

function isTrusted(stat: Stats, uid: number): boolean {
  return stat.uid === uid || stat.uid === 0;
}

/** Makes a directory where nothing is; what is there is judged by the caller. */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: PRIVATE_MODE });
  } catch (cause) {
    // Linux looks for the name before it looks at permissions, so this answer is sure also in foreign directories.
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return;
    throw notMade(path, cause);
  }
}

function notMade(path: string, cause: unknown): BangerError {
  return new BangerError('path_unsafe', `The directory ${path} cannot be made.`, {
    cause,
    hint: 'Check the permissions of the directory above it, or set BANGER_HOME to use another place.',
    details: { path },
  });
}

/** Checks and tightens through one descriptor, so that what was checked is what is changed. */
async function tighten(path: string, uid: number): Promise<void> {
  let handle;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    // Linux answers ENOTDIR also for a link that O_NOFOLLOW kept from being followed.
    const link = (code === 'ENOTDIR' || code === 'ELOOP') && (await lstat(path)).isSymbolicLink();
    if (link) throw unsafe(path, 'is a symbolic link', cause);
    throw unsafe(path, code === 'ENOTDIR' ? 'is not a directory' : 'cannot be opened', cause);
  }
  try {
    const stat = await handle.stat();
    if (stat.uid !== uid) throw unsafe(path, `belongs to another user (uid ${stat.uid})`);
    if ((stat.mode & 0o7777) !== PRIVATE_MODE) await handle.chmod(PRIVATE_MODE);
  } finally {
    await handle.close();
  }
}

function currentUid(): number {
  if (process.getuid === undefined) throw new BangerError('not_supported', 'banger runs on Linux only.');
  return process.getuid();
}

function unsafe(path: string, what: string, cause?: unknown): BangerError {
  return new BangerError('path_unsafe', `${path} ${what}.`, {
    ...(cause === undefined ? {} : { cause }),
    details: { path },
  });
}
