import { randomBytes } from 'node:crypto';
import { lstat, mkdir, readdir, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { BangerError, isBangerError, toBangerError } from '@banger/contract/error';
import type { Leftover } from '../domain/leftover.ts';
import { changedAt } from './changed-at.ts';
import { isDiskFull } from './disk-full.ts';
import { ensurePrivateDir, syncDirectory } from './private-files.ts';

const PRIVATE_MODE = 0o700;
const MIB = 1024 ** 2;
const STAGING = /^\.(?:staging|removing)-/;
const REPLACED = /^\.replaced-(.+)\.[0-9a-f]{12}$/;

/** What became of one of the directories; `replaced`: by one that was made meanwhile. */
export type DirectoryChange = 'added' | 'replaced' | 'removed';

/** Called when a directory has its name, or has lost it. */
export type DirectoryListener = (change: DirectoryChange, name: string) => void;

/**
 * A directory of directories, each of which is there whole or not at all: made beside its place under a hidden name,
 * then renamed. Names beginning with a dot are ours. One process at a time may use it.
 *
 *   .staging-NAME.<random>    being made
 *   .replaced-NAME.<random>   the old one, between the two renames of a replacement
 *   .removing-NAME.<random>   taken out of sight, being deleted
 */
export class StagedDirectories {
  readonly root: string;
  readonly #removeTree: (path: string) => Promise<void>;
  readonly #changed: DirectoryListener | undefined;
  readonly #active = new Set<string>();

  /** `removeTree` deletes a tree of which files may belong to other (sub-)users; a plain `rm -r` unless told. */
  constructor(
    root: string,
    removeTree: (path: string) => Promise<void> = removeRecursively,
    changed?: DirectoryListener,
  ) {
    this.root = root;
    this.#removeTree = removeTree;
    this.#changed = changed;
  }

  /** Where the directory of that name is, or would be. */
  path(name: string): string {
    return join(this.root, name);
  }

  /** Names that are there, sorted. */
  async names(): Promise<readonly string[]> {
    return (await this.#entries()).filter((name) => !name.startsWith('.')).sort();
  }

  /** True when something has that name. */
  async has(name: string): Promise<boolean> {
    return exists(this.path(name));
  }

  /**
   * Makes a directory by `work` in a private staging directory and gives it its name when that is done; whatever fails,
   * the staging directory goes, at once or as a leftover, and what had the name stays. `work` must have synced its files. Where the name is taken
   * (also meanwhile) it is replaced, or `taken` is thrown. A full disk is `disk_full`, which tells how much room there was.
   */
  async make<T>(
    name: string,
    taken: 'replace' | (() => BangerError),
    work: (staging: string) => Promise<T>,
  ): Promise<T> {
    await ensurePrivateDir(this.root);
    const staging = this.#hidden('staging', name);
    const freeBefore = await freeBytes(this.root);
    this.#active.add(staging);
    try {
      await mkdir(join(this.root, staging), { mode: PRIVATE_MODE });
      const result = await work(join(this.root, staging));
      await this.#publish(staging, name, taken);
      return result;
    } catch (error) {
      const told =
        isDiskFull(error) || isBangerError(error, 'disk_full')
          ? await this.#noRoom(name, freeBefore, error)
          : error;
      await this.#clear(staging);
      throw told;
    } finally {
      this.#active.delete(staging);
    }
  }

  /** While what has been made still takes its room. */
  async #noRoom(name: string, freeBefore: number, cause: unknown): Promise<BangerError> {
    const left = await freeBytes(this.root);
    return new BangerError(
      'disk_full',
      `There is no room for ${name} in ${this.root}: ${mib(freeBefore)} were free when it was begun, ${mib(left)} are left.`,
      { cause, details: { path: this.root, freeBytesBefore: freeBefore, freeBytes: left } },
    );
  }

  /** A private directory for files in between; it goes when `work` has ended. */
  async scratch<T>(work: (directory: string) => Promise<T>): Promise<T> {
    await ensurePrivateDir(this.root);
    const name = this.#hidden('staging', 'scratch');
    this.#active.add(name);
    try {
      await mkdir(join(this.root, name), { mode: PRIVATE_MODE });
      return await work(join(this.root, name));
    } finally {
      await this.#clear(name);
    }
  }

  /** Takes the directory out of sight at once, then deletes it; false when there was none. */
  async remove(name: string): Promise<boolean> {
    const aside = this.#hidden('removing', name);
    this.#active.add(aside);
    try {
      await rename(this.path(name), join(this.root, aside));
      await syncDirectory(this.root);
      this.#changed?.('removed', name);
      await this.#removeTree(join(this.root, aside));
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    } finally {
      this.#active.delete(aside);
    }
  }

  /** What a killed process left half-made or half-removed, and what it was replacing, which is put back. */
  async leftovers(): Promise<readonly Leftover[]> {
    const found: Leftover[] = [];
    for (const entry of await this.#entries()) {
      // Names are random: one that nobody works on now is never worked on again.
      if (this.#active.has(entry) || !(STAGING.test(entry) || REPLACED.test(entry))) continue;
      const path = join(this.root, entry);
      const since = await changedAt(path);
      if (since === undefined) continue;
      const lost = await this.#lostName(entry);
      found.push({
        what: `${lost === undefined ? 'staging directory' : `the directory of ${lost}, set aside as`} ${path}`,
        action: lost === undefined ? 'delete it' : 'put it back',
        since,
        remove: () => this.#settle(entry),
      });
    }
    return found;
  }

  async #entries(): Promise<readonly string[]> {
    return readdir(this.root).catch((error: unknown) => {
      // Also where a file is in the place of a directory above it: nothing is below that.
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR') return [];
      throw error;
    });
  }

  /** The name that a set-aside directory had and nothing has now. */
  async #lostName(entry: string): Promise<string | undefined> {
    const replaced = REPLACED.exec(entry)?.[1];
    return replaced === undefined || (await this.has(replaced)) ? undefined : replaced;
  }

  async #settle(entry: string): Promise<void> {
    const lost = await this.#lostName(entry);
    if (lost === undefined) await this.#removeTree(join(this.root, entry));
    else await rename(join(this.root, entry), this.path(lost));
    await syncDirectory(this.root);
  }

  async #publish(staging: string, name: string, taken: 'replace' | (() => BangerError)): Promise<void> {
    const from = join(this.root, staging);
    await syncDirectory(from);
    if (taken !== 'replace') {
      if (await this.has(name)) throw taken();
      await rename(from, this.path(name));
      await syncDirectory(this.root);
      this.#changed?.('added', name);
      return;
    }
    const old = (await this.has(name)) ? this.#hidden('replaced', name) : undefined;
    if (old !== undefined) {
      this.#active.add(old);
      await rename(this.path(name), join(this.root, old));
    }
    try {
      await rename(from, this.path(name));
    } catch (error) {
      if (old !== undefined) await rename(join(this.root, old), this.path(name));
      throw error;
    }
    await syncDirectory(this.root);
    this.#changed?.(old === undefined ? 'added' : 'replaced', name);
    if (old !== undefined) await this.#clear(old);
  }

  /** Deletes what nobody works on any more. Where that fails it is a leftover, and what the work came to stands. */
  async #clear(entry: string): Promise<void> {
    try {
      await this.#removeTree(join(this.root, entry));
    } catch {
      // Whoever removes leftovers tries again, and tells what he cannot remove.
    } finally {
      this.#active.delete(entry);
    }
  }

  #hidden(what: 'staging' | 'replaced' | 'removing', name: string): string {
    return `.${what}-${name}.${randomBytes(6).toString('hex')}`;
  }
}

async function removeRecursively(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw toBangerError(error);
  }
}

/** What the file system of a directory has for this user, statfs(2). */
async function freeBytes(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}

function mib(bytes: number): string {
  return `${Math.floor(bytes / MIB)} MiB`;
}
