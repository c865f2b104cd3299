import { BangerError } from '@banger/contract/error';
import { LOST_FOUND_INODE, ROOT_INODE } from './geometry.ts';
import { FLAG, InodeStore, TYPE, type NewInode } from './inode-store.ts';
import { NameTable } from './name-table.ts';
import { checkPath, lastName, nameEnd, shownPath } from './path.ts';
import type { Timestamp } from './time.ts';

/** A name that is free: in which directory, and where it starts in the path. */
export interface FreeName {
  readonly path: Buffer;
  readonly parent: number;
  readonly from: number;
}

const LOST_FOUND = Buffer.from('lost+found');

/** The directories and what is in them. A directory that is needed and was not named yet is made, for root and with mode 0755. */
export class Tree {
  readonly store = new InodeStore();
  readonly names = new NameTable(this.store.pool);
  readonly #now: Timestamp;
  /** Directories that only follow from the paths below them so far. */
  readonly #implied = new Set<number>();
  /** The directory that was last looked up: entries mostly come directory by directory. */
  #last = { path: Buffer.alloc(0), inode: ROOT_INODE };

  constructor(now: Timestamp) {
    this.#now = now;
    this.store.set(ROOT_INODE, this.#impliedDirectory(0o755));
    this.store.addFlags(ROOT_INODE, FLAG.extents);
    this.#implied.add(ROOT_INODE);
    const lostFound = this.#addDirectory(ROOT_INODE, LOST_FOUND, 0, LOST_FOUND.length, 0o700);
    if (lostFound !== LOST_FOUND_INODE)
      throw new BangerError('internal', 'lost+found is not the first inode.');
  }

  /** The inode of a path, 0 when there is none. */
  find(path: Buffer): number {
    checkPath(path);
    if (path.length === 0) return ROOT_INODE;
    const from = lastName(path);
    const parent = this.#directory(path, from, false);
    return parent === 0 ? 0 : this.names.find(parent, path, from, path.length);
  }

  /** A path for something new. Throws `invalid_argument` when there is something, or a parent is no directory. */
  free(path: Buffer): FreeName {
    checkPath(path);
    const from = lastName(path);
    const parent = path.length === 0 ? 0 : this.#directory(path, from, true);
    if (parent === 0 || this.names.find(parent, path, from, path.length) !== 0)
      throw bad(path, 'is there already');
    return { path, parent, from };
  }

  /** Puts an inode at a free name. */
  link({ path, parent, from }: FreeName, inode: number): void {
    this.names.add(parent, path, from, path.length, inode);
  }

  /**
   * Makes a directory and gives its inode, or sets what one is made with that only followed from paths below it. Throws
   * `invalid_argument` when something else is there, or it was made before.
   */
  directory(path: Buffer, made: NewInode): number {
    const there = this.find(path);
    if (there === 0) {
      const name = this.free(path);
      const inode = this.store.add(made);
      this.store.addFlags(inode, FLAG.extents);
      this.link(name, inode);
      return inode;
    }
    if (!this.#implied.delete(there)) throw bad(path, 'is there already');
    this.store.set(there, made);
    return there;
  }

  /** The directory that the first `end` bytes of a path name, with a slash at their end; 0 when it is not there and not to be made. */
  #directory(path: Buffer, end: number, make: boolean): number {
    if (end === 0) return ROOT_INODE;
    if (this.#last.path.length === end && path.compare(this.#last.path, 0, end, 0, end) === 0)
      return this.#last.inode;
    let inode = ROOT_INODE;
    for (let from = 0; from < end;) {
      const to = nameEnd(path, from);
      let next = this.names.find(inode, path, from, to);
      if (next === 0) {
        if (!make) return 0;
        next = this.#addDirectory(inode, path, from, to, 0o755);
      }
      if (!this.store.isDirectory(next)) {
        if (!make) return 0;
        throw bad(path, `lies below ${shownPath(path.subarray(0, to))}, which is no directory`);
      }
      inode = next;
      from = to + 1;
    }
    this.#last = { path: Buffer.from(path.subarray(0, end)), inode };
    return inode;
  }

  #addDirectory(parent: number, bytes: Buffer, from: number, to: number, mode: number): number {
    const inode = this.store.add(this.#impliedDirectory(mode));
    this.store.addFlags(inode, FLAG.extents);
    this.#implied.add(inode);
    this.names.add(parent, bytes, from, to, inode);
    return inode;
  }

  #impliedDirectory(mode: number): NewInode {
    return { mode: TYPE.directory | mode, uid: 0, gid: 0, modified: this.#now };
  }
}

function bad(path: Buffer, what: string): BangerError {
  return new BangerError('invalid_argument', `The path ${shownPath(path)} ${what}.`);
}
