import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { BangerError } from '@banger/contract/error';
import type { EntryMetadata } from '../entry-metadata.ts';
import type { Extent } from '../extents.ts';
import { FLAG, MAP_BYTES, TYPE, TYPE_MASK } from '../inode-store.ts';
import { followPath, type PathLookup } from '../follow-path.ts';
import { zeros } from '../read-pieces.ts';
import type { InodeKind, ReadableTree, ResolvedPath, TreeName } from '../readable-tree.ts';
import { timestampOf } from '../time.ts';
import { decodeBlock, decodeInline, type StoredXattr } from '../xattr-entries.ts';
import { isKnownXattr, xattrOf, type Xattr } from '../xattrs.ts';
import { readEntries } from './directory-entries.ts';
import { readExtents } from './extent-tree.ts';
import { decodeInode, type DiskInode } from './inode.ts';
import { brokenFileSystem, unreadableFileSystem } from './refusal.ts';
import {
  SUPERBLOCK_BYTES,
  SUPERBLOCK_OFFSET,
  decodeSuperblock,
  fileSystemBytes,
  type Superblock,
} from './superblock.ts';

const PERMISSIONS = 0o7777;
const MAX_LINK_BYTES = 4095;
/** What the kernel lets through (XATTR_SIZE_MAX). */
const MAX_XATTR_BYTES = 65_536;
/** A larger file is all holes, or a lie that somebody would wait for: what an image may come to as a whole. */
const MOST_FILE_BYTES = 256 * 1024 ** 3;
const XATTR_MAGIC = 0xea020000;
/** Read at once. */
const PIECE_BYTES = 256 * 1024;
/** Inodes that are kept: those of a directory and its way up are asked for again and again. */
const MOST_KEPT = 16_384;
/** Names of a file system, some times those of the largest image. */
const MOST_NAMES = 8_000_000;
/** Blocks of one directory: 10 million long names. */
const MOST_DIRECTORY_BYTES = 4 * 1024 ** 3;

const KINDS: Readonly<Record<number, InodeKind>> = {
  [TYPE.file]: 'file',
  [TYPE.directory]: 'directory',
  [TYPE.symlink]: 'symlink',
  [TYPE.characterDevice]: 'character',
  [TYPE.blockDevice]: 'block',
  [TYPE.fifo]: 'fifo',
  [TYPE.socket]: 'socket',
};

/** A stretch of a file that is no hole, in bytes of the file. */
export interface Stretch {
  readonly offset: number;
  readonly length: number;
}

/**
 * An ext4 file system in a file, read and never written, whoever made it: nothing in it leads out of it, and what is damaged is
 * `image_invalid`. It must not change meanwhile.
 */
export class Ext4Tree implements ReadableTree, PathLookup, AsyncDisposable {
  readonly superblock: Superblock;
  readonly #file: FileHandle;
  readonly #fileBytes: number;
  readonly #inodes = new Map<number, DiskInode>();
  /** Where the inodes of a group begin. */
  readonly #tables = new Map<number, number>();

  private constructor(file: FileHandle, fileBytes: number, superblock: Superblock) {
    this.#file = file;
    this.#fileBytes = fileBytes;
    this.superblock = superblock;
  }

  /** Rejects with `image_invalid` or `image_unsupported`, or what opening a file rejects with. */
  static async open(path: string): Promise<Ext4Tree> {
    // Without O_NONBLOCK a FIFO would be waited for.
    const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const found = await file.stat();
      if (!found.isFile()) throw brokenFileSystem('is no file');
      const bytes = Buffer.alloc(SUPERBLOCK_BYTES);
      const { bytesRead } = await file.read(bytes, 0, bytes.length, SUPERBLOCK_OFFSET);
      const superblock = decodeSuperblock(bytes.subarray(0, bytesRead));
      const wants = fileSystemBytes(superblock);
      if (wants > found.size)
        throw brokenFileSystem(`has ${wants} bytes, and its file ${found.size}: it is cut short`);
      return new Ext4Tree(file, found.size, superblock);
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  resolve(path: string): Promise<ResolvedPath | undefined> {
    return followPath(this, path);
  }

  async find(directory: number, name: string): Promise<number | undefined> {
    for await (const entry of this.#entries(directory))
      if (entry.name.toString('latin1') === name) return entry.inode;
    return undefined;
  }

  /** Depth first, each directory sorted by the bytes of its names: the same file system gives the same order. */
  async *names(directory: number): AsyncGenerator<TreeName, void, void> {
    const seen = new Set<number>([directory]);
    let count = 0;
    const left = await this.#sorted(directory);
    for (let next = left.pop(); next !== undefined; next = left.pop()) {
      count += 1;
      if (count > MOST_NAMES) throw unreadableFileSystem(`has more than ${MOST_NAMES} names`);
      yield next;
      if ((await this.kind(next.inode)) !== 'directory') continue;
      if (seen.has(next.inode)) throw brokenFileSystem('has a directory in two places');
      seen.add(next.inode);
      left.push(...(await this.#sorted(next.inode)));
    }
  }

  async kind(inode: number): Promise<InodeKind> {
    const kind = KINDS[(await this.#inode(inode)).mode & TYPE_MASK];
    if (kind === undefined) throw brokenFileSystem('has a name of nothing');
    return kind;
  }

  async permissions(inode: number): Promise<number> {
    return (await this.#inode(inode)).mode & PERMISSIONS;
  }

  async size(inode: number): Promise<number> {
    return (await this.#inode(inode)).size;
  }

  async links(inode: number): Promise<number> {
    return (await this.#inode(inode)).links;
  }

  async device(inode: number): Promise<{ readonly major: number; readonly minor: number }> {
    const { map } = await this.#inode(inode);
    // As fs/ext4/inode.c has it: the old form where it fits, else the new one behind it.
    const old = map.readUInt32LE(0);
    if (old !== 0) return { major: (old >>> 8) & 0xff, minor: old & 0xff };
    const wide = map.readUInt32LE(4);
    return { major: (wide >>> 8) & 0xfff, minor: (wide & 0xff) | ((wide >>> 12) & 0xfff00) };
  }

  async metadata(inode: number): Promise<EntryMetadata> {
    const found = await this.#inode(inode);
    const xattrs = await this.#xattrs(found);
    return {
      mode: found.mode & PERMISSIONS,
      uid: found.uid,
      gid: found.gid,
      modified: timestampOf(found.modified),
      accessed: timestampOf(found.accessed),
      changed: timestampOf(found.changed),
      ...(found.created === undefined ? {} : { created: timestampOf(found.created) }),
      ...(xattrs.length === 0 ? {} : { xattrs }),
    };
  }

  async linkTarget(inode: number): Promise<Buffer> {
    const found = await this.#inode(inode);
    if (found.size > MAX_LINK_BYTES) throw brokenFileSystem('has a link that is too long');
    if (found.size < MAP_BYTES && (found.flags & FLAG.extents) === 0)
      return found.map.subarray(0, found.size);
    return this.#whole(found, found.size);
  }

  async *content(inode: number): AsyncGenerator<Buffer, void, void> {
    yield* this.#content(await this.#inode(inode));
  }

  /** Where a file has data, in order; all else in it is zeros. */
  async stretches(inode: number): Promise<Stretch[]> {
    const found = await this.#inode(inode);
    const { blockBytes } = this.superblock;
    const stretches: Stretch[] = [];
    for await (const { logical, blocks } of this.#extents(found)) {
      const offset = logical * blockBytes;
      const length = Math.min(blocks * blockBytes, found.size - offset);
      const last = stretches.at(-1);
      if (length <= 0) break;
      if (last !== undefined && last.offset + last.length === offset)
        stretches[stretches.length - 1] = { offset: last.offset, length: last.length + length };
      else stretches.push({ offset, length });
    }
    return stretches;
  }

  /** What a file holds in its stretches, one behind the other. */
  async *data(inode: number): AsyncGenerator<Buffer, void, void> {
    const found = await this.#inode(inode);
    for await (const extent of this.#extents(found)) yield* this.#extentData(extent, found.size);
  }

  async *#content(inode: DiskInode): AsyncGenerator<Buffer, void, void> {
    const { blockBytes } = this.superblock;
    let at = 0;
    for await (const extent of this.#extents(inode)) {
      const start = Math.min(extent.logical * blockBytes, inode.size);
      yield* zeros(start - at);
      at = start;
      for await (const piece of this.#extentData(extent, inode.size)) {
        at += piece.length;
        yield piece;
      }
    }
    yield* zeros(inode.size - at);
  }

  async *#extentData(
    { logical, physical, blocks }: Extent,
    size: number,
  ): AsyncGenerator<Buffer, void, void> {
    const { blockBytes } = this.superblock;
    const end = Math.min(blocks * blockBytes, size - logical * blockBytes);
    for (let at = 0; at < end;) {
      const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, end - at));
      await this.#read(piece, physical * blockBytes + at);
      at += piece.length;
      yield piece;
    }
  }

  async *#extents(inode: DiskInode): AsyncGenerator<Extent, void, void> {
    if (inode.size === 0) return;
    if (inode.size > MOST_FILE_BYTES)
      throw unreadableFileSystem(`has a file of ${inode.size} bytes; the most is ${MOST_FILE_BYTES}`);
    if ((inode.flags & FLAG.extents) === 0)
      throw unreadableFileSystem('has files whose blocks are listed in the way of ext2 and ext3');
    yield* readExtents(inode.map, (block) => this.#block(block));
  }

  /** The names of a directory, the last one first. */
  async #sorted(directory: number): Promise<TreeName[]> {
    const names: TreeName[] = [];
    for await (const { name, inode } of this.#entries(directory))
      names.push({ parent: directory, name, inode });
    return names.sort((one, other) => other.name.compare(one.name));
  }

  async *#entries(
    directory: number,
  ): AsyncGenerator<{ readonly name: Buffer; readonly inode: number }, void, void> {
    const found = await this.#inode(directory);
    const { blockBytes, hasFileTypes } = this.superblock;
    if (found.size > MOST_DIRECTORY_BYTES || found.size % blockBytes !== 0)
      throw brokenFileSystem('has a damaged directory');
    for await (const { physical, blocks } of this.#extents(found))
      for (let at = 0; at < blocks; at += 1)
        yield* readEntries(await this.#block(physical + at), hasFileTypes);
  }

  async #xattrs({ tail, xattrBlock }: DiskInode): Promise<Xattr[]> {
    const hasInline = tail.length >= 4 && tail.readUInt32LE(0) === XATTR_MAGIC;
    const stored = damagedWhenOutside(() => (hasInline ? decodeInline(tail) : []));
    if (xattrBlock !== 0) {
      const block = await this.#block(xattrBlock);
      if (block.readUInt32LE(0) !== XATTR_MAGIC) throw brokenFileSystem('has damaged xattrs');
      stored.push(...damagedWhenOutside(() => decodeBlock(block)));
    }
    const xattrs: Xattr[] = [];
    for (const each of stored) {
      if (!isKnownXattr(each.index)) continue;
      const value = await this.#value(each);
      xattrs.push(damagedWhenOutside(() => xattrOf({ index: each.index, name: each.name, value })));
    }
    return xattrs;
  }

  async #value(stored: StoredXattr): Promise<Buffer> {
    if ('value' in stored) return stored.value;
    return this.#whole(await this.#inode(stored.inode), MAX_XATTR_BYTES);
  }

  /** All that a short file holds. */
  async #whole(inode: DiskInode, most: number): Promise<Buffer> {
    if (inode.size > most) throw brokenFileSystem('has damaged xattrs');
    const pieces: Buffer[] = [];
    for await (const piece of this.#content(inode)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  async #inode(number: number): Promise<DiskInode> {
    const kept = this.#inodes.get(number);
    if (kept !== undefined) return kept;
    const { inodes, inodesPerGroup, inodeBytes, blockBytes } = this.superblock;
    if (number < 1 || number > inodes) throw brokenFileSystem('has a name of an inode that it lacks');
    const group = Math.floor((number - 1) / inodesPerGroup);
    const within = (number - 1) % inodesPerGroup;
    // A block at once: what is in one directory mostly lies side by side.
    const first = within - (within % (blockBytes / inodeBytes));
    const block = await this.#block((await this.#inodeTable(group)) + (first * inodeBytes) / blockBytes);
    const inTable = Math.min(blockBytes / inodeBytes, inodesPerGroup - first);
    for (let at = 0; at < inTable; at += 1)
      this.#keep(
        group * inodesPerGroup + first + at + 1,
        block.subarray(at * inodeBytes, (at + 1) * inodeBytes),
      );
    const found = this.#inodes.get(number);
    if (found === undefined) throw new BangerError('internal', 'An inode was read and is not there.');
    return found;
  }

  #keep(number: number, bytes: Buffer): void {
    const [oldest] = this.#inodes.keys();
    if (this.#inodes.size >= MOST_KEPT && oldest !== undefined) this.#inodes.delete(oldest);
    this.#inodes.set(number, decodeInode(bytes));
  }

  /** The block at which the inodes of a group begin (Documentation/filesystems/ext4/group_descr.rst). */
  async #inodeTable(group: number): Promise<number> {
    const known = this.#tables.get(group);
    if (known !== undefined) return known;
    const { firstBlock, blockBytes, descriptorBytes } = this.superblock;
    const bytes = Buffer.alloc(descriptorBytes);
    await this.#read(bytes, (firstBlock + 1) * blockBytes + group * descriptorBytes);
    const high = descriptorBytes > 0x28 ? bytes.readUInt32LE(0x28) : 0;
    const table = bytes.readUInt32LE(0x08) + high * 2 ** 32;
    this.#tables.set(group, table);
    return table;
  }

  async #block(block: number): Promise<Buffer> {
    const buffer = Buffer.alloc(this.superblock.blockBytes);
    await this.#read(buffer, block * buffer.length);
    return buffer;
  }

  async #read(buffer: Buffer, position: number): Promise<void> {
    if (position + buffer.length > this.#fileBytes)
      throw brokenFileSystem('names blocks that it does not have');
    for (let done = 0; done < buffer.length;) {
      const { bytesRead } = await this.#file.read(buffer, done, buffer.length - done, position + done);
      if (bytesRead === 0) throw brokenFileSystem('has become shorter while it was read');
      done += bytesRead;
    }
  }
}

/** What a reader of our own structures throws for those that lead out of their block. */
function damagedWhenOutside<T>(decode: () => T): T {
  try {
    return decode();
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw brokenFileSystem('has damaged xattrs', cause);
  }
}
