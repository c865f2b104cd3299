import {
  closeSync,
  constants,
  fchmodSync,
  futimesSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { rawText } from '@banger/contract/raw-text';
import type { TreeEntry, TreeRecord } from '@banger/contract/tree-record';
import { copyFailed, onHost } from './host-error.ts';
import { inDirectory, pathBytes } from './host-path.ts';
import { nameOf } from './location.ts';
import { SparseContent } from './sparse-content.ts';

const { O_RDONLY, O_WRONLY, O_CREAT, O_EXCL, O_DIRECTORY, O_NOFOLLOW } = constants;
/** Far outside what any file system keeps; the system cuts further. */
const MAX_SECONDS = 2 ** 40;

/** Where a tree goes on this machine. */
export interface HostPlace {
  readonly path: string;
  /** Its name when the path is a directory; undefined: what is in the tree goes there. */
  readonly name: string | undefined;
  /** The path must be a directory. */
  readonly into: boolean;
}

/** A directory that is being filled. */
interface Level {
  readonly fd: number;
  /** For messages. */
  readonly path: string;
  /** What it is to become at its end; undefined for one that was there, which keeps its own. */
  readonly made: TreeEntry | undefined;
}

/** A file that is being made, under a name of its own until it is whole. */
interface Staged {
  readonly fd: number;
  readonly content: SparseContent;
  readonly level: Level;
  readonly bytes: Buffer;
  readonly entry: TreeEntry;
}

/**
 * Makes the records of a tree, which are a guest's claim, into files of this machine. Nothing is written but below the place that its
 * user named: each name is used in the open directory that it is in, and no link below the place is followed. A directory that is there
 * is filled further; a file or link is replaced once the new one is whole. Throws `copy_failed` or `disk_full`.
 */
export class HostTarget {
  readonly #place: HostPlace;
  /** Permissions that nothing is made with. */
  readonly #umask: number;
  readonly #levels: Level[] = [];
  /** Of the root, in the first level; undefined: the root is the first level. */
  #rootName: string | undefined;
  #file: Staged | undefined;
  #count = 0;

  constructor(place: HostPlace, umask = ourUmask()) {
    this.#place = place;
    this.#umask = umask;
  }

  /** Takes the next record. */
  take(record: TreeRecord): void {
    switch (record.kind) {
      case 'directory':
        this.#directory(record);
        break;
      case 'file':
        this.#begin(record);
        break;
      case 'content':
        this.#write(record.bytes);
        break;
      case 'link':
        this.#link(record);
        break;
      case 'end':
        if (this.#file === undefined) this.#leave();
        else this.#finish(this.#file);
        break;
      case 'skip':
      default:
        // Within a file: the guest could not read on.
        this.#drop();
    }
  }

  /** Lets go of everything; a file that is not whole is removed. Harmless when repeated. */
  close(): void {
    this.#drop();
    for (const { fd } of this.#levels.splice(0)) closeSync(fd);
  }

  /** The directory that an entry is in, and its name and path there. */
  #at(entry: TreeEntry, kind: TreeRecord['kind']): { level: Level; name: string | undefined; path: string } {
    if (this.#levels.length === 0) this.#findPlace(entry, kind === 'directory');
    const level = this.#levels.at(-1);
    if (level === undefined) throw copyFailed(this.#place.path, 'it has no place');
    const name = entry.name === '' ? this.#rootName : entry.name;
    return { level, name, path: name === undefined ? level.path : `${level.path}/${name}` };
  }

  #findPlace(root: TreeEntry, isDirectory: boolean): void {
    const { path, name, into } = this.#place;
    const stats = onHost(path, () => statSync(pathBytes(path), { throwIfNoEntry: false }));
    if (stats === undefined) {
      if (into || (path.endsWith('/') && !isDirectory)) throw copyFailed(path, 'no such directory');
      this.#placeBeside(path);
    } else if (stats.isDirectory()) {
      if (name === undefined && !isDirectory) throw copyFailed(path, 'is a directory');
      this.#rootName = name;
      this.#enter(path);
    } else {
      if (into || isDirectory) throw copyFailed(path, 'exists and is no directory');
      if (!stats.isFile()) throw copyFailed(path, 'exists and is not a regular file');
      this.#placeBeside(onHost(path, () => rawText(realpathSync(pathBytes(path), { encoding: 'buffer' }))));
    }
  }

  #placeBeside(path: string): void {
    const plain = path.replace(/(?<=.)\/+$/, '');
    const directory = plain.slice(0, plain.lastIndexOf('/')) || '/';
    this.#rootName = nameOf(plain);
    if (this.#rootName === undefined) throw copyFailed(path, 'no such directory');
    this.#enter(directory);
  }

  /** What the user named may be reached through links. */
  #enter(path: string): void {
    const fd = onHost(path, () => openSync(pathBytes(path), O_RDONLY | O_DIRECTORY));
    this.#levels.push({ fd, path, made: undefined });
  }

  #directory(entry: TreeEntry): void {
    const { level, name, path } = this.#at(entry, 'directory');
    if (name === undefined) return;
    const bytes = inDirectory(level.fd, name);
    const made = onHost(path, () => makeDirectory(bytes));
    const fd = onHost(path, () => openDirectory(bytes, path));
    this.#levels.push({ fd, path, made: made ? entry : undefined });
  }

  #leave(): void {
    const level = this.#levels.pop();
    if (level === undefined) return;
    const { fd, path, made } = level;
    try {
      if (made !== undefined) onHost(path, () => seal(fd, made, this.#umask));
    } finally {
      closeSync(fd);
    }
  }

  #begin(entry: TreeEntry): void {
    const { level, path } = this.#at(entry, 'file');
    const bytes = this.#stagedName(level);
    const fd = onHost(path, () => openSync(bytes, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600));
    this.#file = { fd, content: new SparseContent(fd), level, bytes, entry };
  }

  #write(bytes: Uint8Array): void {
    const file = this.#file;
    if (file === undefined) return;
    const { path } = this.#at(file.entry, 'file');
    onHost(path, () => file.content.write(bytes));
  }

  #finish({ fd, content, level, bytes, entry }: Staged): void {
    const { name = '', path } = this.#at(entry, 'file');
    onHost(path, () => {
      content.end();
      seal(fd, entry, this.#umask);
      renameSync(bytes, inDirectory(level.fd, name));
    });
    this.#file = undefined;
    closeSync(fd);
  }

  #link(record: Extract<TreeRecord, { kind: 'link' }>): void {
    const { level, name = '', path } = this.#at(record, 'link');
    const bytes = this.#stagedName(level);
    onHost(path, () => {
      symlinkSync(pathBytes(record.target), bytes);
      try {
        lutimesSync(bytes, Date.now() / 1000, secondsOf(record));
        renameSync(bytes, inDirectory(level.fd, name));
      } catch (error) {
        removeStaged(bytes);
        throw error;
      }
    });
  }

  #drop(): void {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    closeSync(file.fd);
    removeStaged(file.bytes);
  }

  #stagedName({ fd }: Level): Buffer {
    this.#count += 1;
    return inDirectory(fd, `.banger-${process.pid}-${Date.now().toString(36)}-${this.#count}`);
  }
}

/** As proc(5) tells it: umask(2) itself tells it only to who sets another one. */
function ourUmask(): number {
  const status = readFileSync('/proc/self/status', 'latin1');
  return Number.parseInt(/^Umask:\s+([0-7]+)$/m.exec(status)?.[1] ?? '077', 8);
}

/** True when it was not there before, whatever was. */
function makeDirectory(bytes: Buffer): boolean {
  try {
    mkdirSync(bytes, 0o700);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Opens a directory, and nothing that leads to one. */
function openDirectory(bytes: Buffer, path: string): number {
  try {
    return openSync(bytes, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw code === 'ENOTDIR' || code === 'ELOOP' ? copyFailed(path, 'exists and is no directory') : error;
  }
}

/** What cannot be removed stays, as after a kill: the error that has led here is the one to tell. */
function removeStaged(bytes: Buffer): void {
  try {
    unlinkSync(bytes);
  } catch {
    // Its directory may be gone, or no longer ours to write to.
  }
}

/**
 * Gives an open file or directory what the tree says of it, as far as the umask lets it; whoever runs as another user here gets no
 * set-user-id program.
 */
function seal(fd: number, entry: TreeEntry, umask: number): void {
  fchmodSync(fd, entry.mode & 0o777 & ~umask);
  futimesSync(fd, Date.now() / 1000, secondsOf(entry));
}

function secondsOf({ mtimeNs }: TreeEntry): number {
  return Math.max(-MAX_SECONDS, Math.min(MAX_SECONDS, Number(mtimeNs) / 1e9));
}
