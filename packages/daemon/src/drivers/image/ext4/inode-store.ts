import { BytePool } from './byte-pool.ts';
import { grown } from './column.ts';
import { FIRST_FREE_INODE } from './geometry.ts';
import { diskTime, type DiskTime, type Timestamp } from './time.ts';

/** File types of st_mode (inode(7)). */
export const TYPE_MASK = 0o170000;
export const TYPE = {
  fifo: 0o010000,
  characterDevice: 0o020000,
  directory: 0o040000,
  blockDevice: 0o060000,
  file: 0o100000,
  symlink: 0o120000,
  socket: 0o140000,
} as const;

/** Inode flags (Documentation/filesystems/ext4/inodes.rst, "i_flags"). */
export const FLAG = { indexed: 0x1000, extents: 0x8_0000, xattrValue: 0x20_0000 } as const;

/** How the content of an inode is found. */
export const CONTENT = {
  none: 0,
  /** One extent for all of its size; `data` is its first block. */
  extent: 1,
  /** `data` is the number of a piece: the 60 bytes of i_block, then the blocks that it takes, of 32 bits. */
  map: 2,
  /** `data` is the number of a piece: what a symbolic link says, kept in the inode itself. */
  inline: 3,
  /** `data` is the device, major * 2^20 + minor. */
  device: 4,
} as const;
export type ContentKind = (typeof CONTENT)[keyof typeof CONTENT];

/** Bytes of i_block. */
export const MAP_BYTES = 60;

/** What an inode is made with. */
export interface NewInode {
  /** Type and permissions. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly modified: Timestamp;
  /** Access, change and creation, when they are to be something else than what follows from `modified` and the time of writing. */
  readonly times?: OtherTimes | undefined;
}

export interface OtherTimes {
  readonly accessed: Timestamp;
  readonly changed: Timestamp;
  readonly created: Timestamp;
}

/** An inode's xattrs: those that lie in it, the block with the others or 0, and the blocks that all take. */
export interface InodeXattrs {
  readonly inline: Buffer;
  readonly block: number;
  readonly blocks: number;
}

/** Of a piece that holds xattrs: the block, the blocks, the length of the inline part. */
const XATTR_HEAD_BYTES = 10;

const START = 1024;

/** All inodes, as columns of numbers: some 45 bytes each. They are numbered in the order in which they are made. */
export class InodeStore {
  readonly pool = new BytePool();
  #count = FIRST_FREE_INODE - 1;
  #modes = new Uint16Array(START);
  #uids = new Uint32Array(START);
  #gids = new Uint32Array(START);
  #links = new Uint16Array(START);
  #flags = new Uint32Array(START);
  #sizes = new Float64Array(START);
  #kinds = new Uint8Array(START);
  #data = new Uint32Array(START);
  #seconds = new Int32Array(START);
  #extras = new Uint32Array(START);
  /** Numbers of pieces: six words, the other times. */
  #times = new Uint32Array(START);
  /** Numbers of pieces: a head, then the inline part. */
  #xattrs = new Uint32Array(START);

  /** The highest inode in use; all below are in use too. */
  get count(): number {
    return this.#count;
  }

  add(inode: NewInode): number {
    this.#count += 1;
    const number = this.#count;
    if (number >= this.#modes.length) this.#grow();
    this.set(number, inode);
    this.#links[number] = 1;
    return number;
  }

  /** Sets what an inode that exists, or a reserved one, is made with. */
  set(number: number, inode: NewInode): void {
    this.#modes[number] = inode.mode;
    this.#uids[number] = inode.uid;
    this.#gids[number] = inode.gid;
    const { seconds, extra } = diskTime(inode.modified);
    this.#seconds[number] = seconds;
    this.#extras[number] = extra;
    if (inode.times === undefined) return;
    const { accessed, changed, created } = inode.times;
    this.setTimes(number, [diskTime(accessed), diskTime(changed), diskTime(created)]);
  }

  /** Sets access, change and creation time, as words of the disk. */
  setTimes(number: number, times: readonly [DiskTime, DiskTime, DiskTime]): void {
    const words = Buffer.alloc(24);
    times.forEach(({ seconds, extra }, at) => {
      words.writeInt32LE(seconds, at * 8);
      words.writeUInt32LE(extra, at * 8 + 4);
    });
    this.#times[number] = this.pool.add(words);
  }

  setContent(number: number, kind: ContentKind, data: number, size: number): void {
    this.#kinds[number] = kind;
    this.#data[number] = data;
    this.#sizes[number] = size;
  }

  setXattrs(number: number, { inline, block, blocks }: InodeXattrs): void {
    const piece = Buffer.alloc(XATTR_HEAD_BYTES + inline.length);
    piece.writeUInt32LE(block);
    piece.writeUInt32LE(blocks, 4);
    piece.writeUInt16LE(inline.length, 8);
    inline.copy(piece, XATTR_HEAD_BYTES);
    this.#xattrs[number] = this.pool.add(piece);
  }

  addFlags(number: number, flags: number): void {
    this.#flags[number] = (this.#flags[number] ?? 0) | flags;
  }

  setLinks(number: number, links: number): void {
    this.#links[number] = links;
  }

  mode(number: number): number {
    return this.#modes[number] ?? 0;
  }

  isDirectory(number: number): boolean {
    return (this.mode(number) & TYPE_MASK) === TYPE.directory;
  }

  uid(number: number): number {
    return this.#uids[number] ?? 0;
  }

  gid(number: number): number {
    return this.#gids[number] ?? 0;
  }

  links(number: number): number {
    return this.#links[number] ?? 0;
  }

  flags(number: number): number {
    return this.#flags[number] ?? 0;
  }

  size(number: number): number {
    return this.#sizes[number] ?? 0;
  }

  kind(number: number): ContentKind {
    return (this.#kinds[number] ?? CONTENT.none) as ContentKind;
  }

  data(number: number): number {
    return this.#data[number] ?? 0;
  }

  modified(number: number): DiskTime {
    return { seconds: this.#seconds[number] ?? 0, extra: this.#extras[number] ?? 0 };
  }

  /** Access, change and creation time, when they were set. */
  times(number: number): readonly [DiskTime, DiskTime, DiskTime] | undefined {
    const piece = this.#times[number] ?? 0;
    if (piece === 0) return undefined;
    const words = this.pool.get(piece, 24);
    const time = (at: number): DiskTime => ({
      seconds: words.readInt32LE(at),
      extra: words.readUInt32LE(at + 4),
    });
    return [time(0), time(8), time(16)];
  }

  xattrs(number: number): InodeXattrs | undefined {
    const piece = this.#xattrs[number] ?? 0;
    if (piece === 0) return undefined;
    const head = this.pool.get(piece, XATTR_HEAD_BYTES);
    return {
      block: head.readUInt32LE(0),
      blocks: head.readUInt32LE(4),
      inline: this.pool.get(piece + XATTR_HEAD_BYTES, head.readUInt16LE(8)),
    };
  }

  #grow(): void {
    this.#modes = grown(this.#modes);
    this.#uids = grown(this.#uids);
    this.#gids = grown(this.#gids);
    this.#links = grown(this.#links);
    this.#flags = grown(this.#flags);
    this.#sizes = grown(this.#sizes);
    this.#kinds = grown(this.#kinds);
    this.#data = grown(this.#data);
    this.#seconds = grown(this.#seconds);
    this.#extras = grown(this.#extras);
    this.#times = grown(this.#times);
    this.#xattrs = grown(this.#xattrs);
  }
}
