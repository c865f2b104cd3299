import type { EntryMetadata } from './entry-metadata.ts';

/** What an inode can be. */
export type InodeKind = 'file' | 'directory' | 'symlink' | 'character' | 'block' | 'fifo' | 'socket';

/** A name in a directory; directories come before what is in them. */
export interface TreeName {
  readonly parent: number;
  readonly name: Buffer;
  readonly inode: number;
}

/** Where a path leads. */
export interface ResolvedPath {
  readonly inode: number;
  /** The same without links on it, bytes as characters. */
  readonly path: string;
}

/** What is in memory is told at once, the rest when it was read. */
type Told<T> = T | Promise<T>;

/** A file system to look into, by inode. */
export interface ReadableTree {
  /** Follows a path, bytes as characters, and the symbolic links on it, as if the root were `/`. Undefined when it leads to nothing. */
  resolve(path: string): Promise<ResolvedPath | undefined>;
  /** The names below a directory, `.` and `..` left out; names of other directories may be among them. */
  names(directory: number): AsyncIterable<TreeName> | Iterable<TreeName>;
  kind(inode: number): Told<InodeKind>;
  /** Permissions with set-user-ID, set-group-ID and sticky bit. */
  permissions(inode: number): Told<number>;
  size(inode: number): Told<number>;
  /** How many names it has; for other than directories. */
  links(inode: number): Told<number>;
  /** Major and minor number of a device. */
  device(inode: number): Told<{ readonly major: number; readonly minor: number }>;
  /** All that an inode was made with. */
  metadata(inode: number): Promise<EntryMetadata>;
  /** What a symbolic link says. */
  linkTarget(inode: number): Promise<Buffer>;
  /** What a file holds, zeros where it has holes; each piece is good until the next. */
  content(inode: number): AsyncIterable<Buffer>;
}
