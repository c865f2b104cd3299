import type { EntryMetadata } from '../../ext4/entry-metadata.ts';
import { invalidImage } from '../invalid.ts';
import { MAX_PATH_BYTES, below, nameOf, namesOf, parentOf, shownPath } from './layer-path.ts';

/** Symbolic links on one path that are followed, as many as Linux follows (path_resolution(7)). */
const MAX_FOLLOWED = 40;
/** Names of one layer that are kept in memory, some hundred bytes each: ten times those of a large image. */
const MAX_NAMES = 4_000_000;
/**
 * Bytes of directories' xattrs in one layer, which are kept until its end: a later entry for the same directory replaces them. Real ones are some
 * hundred bytes.
 */
const MAX_XATTR_BYTES = 16 * 1024 ** 2;

/** What an entry of a layer made, other than a directory; hard links give it more names. */
export class LayerFile {
  /** Which entry of the layer it is, from 0; undefined for what only an older layer has. */
  readonly ordinal: number | undefined;
  /** What a symbolic link says. */
  readonly symlink: string | undefined;
  /** A path at which it is in the root file system that is made. */
  written: string | undefined;
  /** Paths at which it is still to be. */
  waiting: string[] | undefined;

  constructor(ordinal: number | undefined, symlink?: string) {
    this.ordinal = ordinal;
    this.symlink = symlink;
  }
}

/** A name that a hard link gave, or that a file was made with, and by which entry. */
export interface LayerName {
  readonly ordinal: number;
  readonly file: LayerFile;
}

/** A directory of a layer, which may only follow from what is below it. */
export class LayerDirectory {
  readonly children = new Map<string, LayerName | LayerDirectory>();
  metadata: EntryMetadata | undefined;
  /** True when it took the place of a file of its layer, which had hidden what older layers have there. */
  readonly fresh: boolean;

  constructor(fresh = false) {
    this.fresh = fresh;
  }
}

/** A name of a layer that a later entry of the same layer replaced. */
export interface Replaced {
  readonly path: string;
  readonly ordinal: number;
}

/**
 * The names of one layer, as they come about when it is unpacked by itself, entry after entry. Links of this layer to directories are followed,
 * within the layer; those of older layers are not there, as for the container engines that keep each layer in a directory of its own.
 */
export class LayerNames {
  readonly root = new LayerDirectory();
  #names = 0;
  #xattrBytes = 0;

  /** The path that is meant by one whose parents may be links of this layer. Throws `image_invalid` below a file. */
  resolve(path: string): string {
    let done = '';
    let at: LayerName | LayerDirectory | undefined = this.root;
    const left = namesOf(path).toReversed();
    for (let followed = 0; left.length > 1;) {
      const name = left.pop() ?? '';
      if (name === '..') {
        // Only in what a link says. In the root it is the root, so that no link leads out of it.
        done = parentOf(done);
        at = this.find(done);
        continue;
      }
      const next: LayerName | LayerDirectory | undefined =
        at instanceof LayerDirectory ? at.children.get(name) : undefined;
      if (next === undefined || next instanceof LayerDirectory) {
        done = below(done, name);
        at = next;
        continue;
      }
      const { symlink } = next.file;
      followed += 1;
      if (symlink === undefined || followed > MAX_FOLLOWED)
        throw invalidImage(
          `A layer has ${shownPath(path)}, which lies below a file or below too many links.`,
        );
      if (symlink.startsWith('/')) done = '';
      at = this.find(done);
      left.push(
        ...symlink
          .split('/')
          .filter((each) => each !== '' && each !== '.')
          .toReversed(),
      );
    }
    const resolved = below(done, left[0] ?? '');
    if (resolved.length > MAX_PATH_BYTES)
      throw invalidImage(
        `A layer has ${shownPath(path)}, which leads to a path of ${resolved.length} bytes.`,
      );
    return resolved;
  }

  /** What is at a path that was resolved. */
  find(path: string): LayerName | LayerDirectory | undefined {
    let at: LayerName | LayerDirectory | undefined = this.root;
    for (const name of namesOf(path)) {
      if (!(at instanceof LayerDirectory)) return undefined;
      at = at.children.get(name);
    }
    return at;
  }

  /** Puts a file at a path that was resolved, and tells which names it takes the place of. */
  put(path: string, name: LayerName): Replaced[] {
    if (path === '') throw invalidImage('A layer has the root directory as something else.');
    const parent = this.#parent(path);
    const there = parent.children.get(nameOf(path));
    this.#count();
    parent.children.set(nameOf(path), name);
    return there === undefined ? [] : replacedBelow(path, there);
  }

  /** Makes a directory at a path that was resolved, or says what one is made with, and tells which name it takes the place of. */
  putDirectory(path: string, metadata: EntryMetadata): Replaced[] {
    const there = this.find(path);
    const directory = there instanceof LayerDirectory ? there : new LayerDirectory(there !== undefined);
    this.#xattrBytes += xattrBytes(metadata) - xattrBytes(directory.metadata);
    if (this.#xattrBytes > MAX_XATTR_BYTES)
      throw invalidImage(`A layer has directories with more than ${MAX_XATTR_BYTES} bytes of xattrs.`);
    directory.metadata = metadata;
    if (directory === there) return [];
    this.#count();
    this.#parent(path).children.set(nameOf(path), directory);
    return there === undefined ? [] : replacedBelow(path, there);
  }

  /** The directory that a path lies in, made when it is not there. */
  #parent(path: string): LayerDirectory {
    let at = this.root;
    for (const name of namesOf(parentOf(path))) {
      let next = at.children.get(name);
      if (next === undefined) {
        next = new LayerDirectory();
        this.#count();
        at.children.set(name, next);
      }
      if (!(next instanceof LayerDirectory))
        throw invalidImage(`A layer has ${shownPath(path)}, which lies below a file.`);
      at = next;
    }
    return at;
  }

  #count(): void {
    this.#names += 1;
    if (this.#names > MAX_NAMES) throw invalidImage(`A layer has more than ${MAX_NAMES} names.`);
  }
}

function* filesBelow(path: string, at: LayerName | LayerDirectory): Generator<Replaced> {
  if (!(at instanceof LayerDirectory)) {
    yield { path, ordinal: at.ordinal };
    return;
  }
  for (const [name, child] of at.children) yield* filesBelow(below(path, name), child);
}

function replacedBelow(path: string, at: LayerName | LayerDirectory): Replaced[] {
  return [...filesBelow(path, at)];
}

function xattrBytes(metadata: EntryMetadata | undefined): number {
  return (metadata?.xattrs ?? []).reduce((sum, { name, value }) => sum + name.length + value.length, 0);
}
