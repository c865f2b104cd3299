import { createHash } from 'node:crypto';
import { lstatSync, rmSync } from 'node:fs';
import { lstat, readdir, readlink, rm, stat, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { BangerError, toBangerError } from '@banger/contract/error';
import type { Leftover } from '../domain/leftover.ts';
import { hasSocketRoom } from '../domain/socket-path.ts';
import { ensurePrivateDir, lookAtPrivateDir } from './private-dir.ts';

/** Enough of a SHA-256 that no two homes of a user share it, and short enough that every socket has room behind it. */
const NAME_DIGITS = 16;
const NAME = /^[0-9a-f]{16}$/;

/**
 * The directory for sockets by a path that leaves room for their names: its own, or, where that is too long for a unix socket, that of a
 * symbolic link to it in a private directory of the user. Who names sockets by `path` need not know which. The link's name is
 * made of the directory's path, so that each daemon of a home has the same one, whatever its environment, and no two homes share one.
 */
export class RunDirectory {
  readonly path: string;
  /** Where links are; other users can neither write nor enter it. */
  readonly links: string;
  readonly #directory: string;
  readonly #uid: number;
  /** Whether the link was made or found: before that what has its name is nobody's to remove. */
  #isMade = false;

  constructor(directory: string, links: string, uid: number) {
    this.#directory = directory;
    this.links = links;
    this.#uid = uid;
    this.path = hasSocketRoom(directory) ? directory : join(links, nameOf(directory));
  }

  get isLinked(): boolean {
    return this.path !== this.#directory;
  }

  /**
   * Makes the link where one is needed; one that is there is looked at, and mended when it leads elsewhere. The caller holds the lock of
   * the state. Rejects with `path_unsafe` when the directory of links is not this user's alone, or something else has the link's name.
   */
  async ensure(): Promise<void> {
    if (!this.isLinked) return;
    try {
      await ensurePrivateDir(this.links, this.#uid);
      const found = await orMissing(lstat(this.path));
      if (found?.isSymbolicLink() === false) throw unsafe(this.path, 'is no symbolic link');
      if (found !== undefined && found.uid !== this.#uid)
        throw unsafe(this.path, `belongs to another user (uid ${found.uid})`);
      const isRight = found !== undefined && (await readlink(this.path)) === this.#directory;
      if (!isRight) {
        await rm(this.path, { force: true });
        await symlink(this.#directory, this.path);
      }
      this.#isMade = true;
    } catch (thrown) {
      const cause = toBangerError(thrown);
      throw new BangerError(
        'path_unsafe',
        `${this.#directory} is too long a path for sockets, and no short one to it can be made: ${cause.message}`,
        {
          cause,
          hint: 'Mend what the message names, or set BANGER_HOME or XDG_RUNTIME_DIR to a shorter path.',
          details: cause.details,
        },
      );
    }
  }

  /** Takes the link away; the next daemon makes it anew, and VMs that run do without it. The caller holds the lock of the state. */
  async remove(): Promise<void> {
    if (this.#isMade) await rm(this.path, { force: true });
  }

  /** The same, at once, when the directory is gone: as long as it is there, the link may be that of another daemon, which has this one's place. */
  removeIfGone(): void {
    const isThere = lstatSync(this.#directory, { throwIfNoEntry: false }) !== undefined;
    if (this.#isMade && !isThere) rmSync(this.path, { force: true });
  }

  /** Links of this user's homes that are gone: of those whose daemon was killed, and whose files were deleted then. */
  async leftovers(): Promise<readonly Leftover[]> {
    // In a directory that is not private nothing is ours, and nobody here has need of it.
    const links = await lookAtPrivateDir(this.links, this.#uid).catch(() => 'missing' as const);
    const names = links === 'missing' ? [] : await readdir(this.links);
    const found = await Promise.all(
      names.filter((name) => NAME.test(name)).map((name) => this.#leftover(name)),
    );
    return found.flat();
  }

  async #leftover(name: string): Promise<Leftover[]> {
    const path = join(this.links, name);
    const since = (await orMissing(lstat(path)))?.mtimeMs;
    const target = await danglingTarget(path);
    if (since === undefined || target === undefined || nameOf(target) !== name) return [];
    const remove = async (): Promise<void> => {
      if ((await danglingTarget(path)) === target) await rm(path, { force: true });
    };
    return [{ what: `link ${path} to ${target}, which is gone`, action: 'delete it', since, remove }];
  }
}

function nameOf(directory: string): string {
  return createHash('sha256').update(directory).digest('hex').slice(0, NAME_DIGITS);
}

/** Where a link leads that leads to nothing; undefined when it is none. */
async function danglingTarget(path: string): Promise<string | undefined> {
  const target = await readlink(path).catch(() => undefined);
  return target !== undefined && (await orMissing(stat(target))) === undefined ? target : undefined;
}

async function orMissing<T>(look: Promise<T>): Promise<T | undefined> {
  return look.catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined;
    throw cause;
  });
}

function unsafe(path: string, what: string): BangerError {
  return new BangerError('path_unsafe', `${path} ${what}.`, { details: { path } });
}
