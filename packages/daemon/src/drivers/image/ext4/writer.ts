import { open, type FileHandle } from 'node:fs/promises';
import { BangerError } from '@banger/contract/error';
import { BlockAllocator, tooSmall } from './allocator.ts';
import { BlockSink } from './block-sink.ts';
import { writeContent, type Chunks } from './content.ts';
import { MAX_LINKS, writeDirectories } from './directories.ts';
import { newInode, type EntryMetadata } from './entry-metadata.ts';
import { ExtentList } from './extents.ts';
import { BLOCK_BYTES, BLOCKS_PER_GROUP, DESCRIPTORS_PER_BLOCK, MAX_FILE_SYSTEM_BYTES } from './geometry.ts';
import { hashSeed } from './half-md4.ts';
import { assignExtents } from './inode-content.ts';
import { CONTENT, FLAG, MAP_BYTES, TYPE } from './inode-store.ts';
import { MIN_JOURNAL_BLOCKS } from './journal.ts';
import { leastBytes, planLayout } from './layout.ts';
import { checksumSeedOf, writeMetadata, type Identity } from './metadata.ts';
import { shownPath } from './path.ts';
import { MAX_LABEL_BYTES } from './superblock.ts';
import type { Timestamp } from './time.ts';
import { Tree, type FreeName } from './tree.ts';
import { WrittenTree } from './written-tree.ts';
import { storeXattrs } from './xattr-storage.ts';

/** What a file system is made with. */
export interface Ext4Options {
  /** Of the file system, or how it follows from what was put in, which is known in the end. */
  readonly sizeBytes: number | ((needs: Ext4Needs) => number);
  /** 16 bytes each. */
  readonly uuid: Buffer;
  readonly hashSeed: Buffer;
  /** At most 16 bytes. */
  readonly label?: Buffer;
  /** The time at which it is made. */
  readonly now: Timestamp;
  /** When absent, as large as mke2fs makes the journal for the size. */
  readonly journalBytes?: number;
  /**
   * Up to this size, room for descriptors is kept beside each superblock, so that it can grow while mounted. Beyond, the kernel goes on by
   * another layout (meta_bg). It is also the most that `sizeBytes` may give when it is a function.
   */
  readonly growBytes?: number;
}

/** What was put into a file system wants of it. */
export interface Ext4Needs {
  /** The least size that holds all. */
  readonly leastBytes: number;
  /** What files and directories take in whole blocks, as du(1) counts them. */
  readonly contentBytes: number;
}

/** The room that was found to do: more of it makes each growth longer, since the kernel zeroes it in each part that it adds. */
export const USUAL_GROW_BYTES = 64 * 1024 ** 3;
/** The most that the blocks of a file can be counted up to (16 TiB). */
const MAX_FILE_BYTES = (2 ** 32 - 1) * BLOCK_BYTES;
/** A longer one fills a block, and none can be opened (PATH_MAX). */
const MAX_SYMLINK_BYTES = BLOCK_BYTES - 1;
/** A shorter target lies in the inode. */
const FAST_SYMLINK_BYTES = MAP_BYTES - 1;
const MAX_MAJOR = 0xfff;
const MAX_MINOR = 0xfffff;
const IDENTIFIER_BYTES = 16;

/** What came out. */
export interface Ext4Summary extends Ext4Needs {
  readonly sizeBytes: number;
}

/**
 * Writes an ext4 file system straight into a new file, sparse, without root and without mounting anything. Entries come in any order, one call
 * at a time; content goes to disk at once, names and inodes are kept until `finish`. Paths are bytes without a leading slash. What a call
 * rejects with, `invalid_argument` mostly, leaves a writer that can only be closed; the file is the caller's to remove.
 */
export class Ext4Writer {
  readonly #file: FileHandle;
  readonly #options: Ext4Options;
  readonly #tree: Tree;
  readonly #allocator: BlockAllocator;
  readonly #sink: BlockSink;
  readonly #checksumSeed: number;
  readonly #extents = new ExtentList();
  #state: 'ready' | 'busy' | 'over' = 'ready';

  constructor(file: FileHandle, options: Ext4Options) {
    this.#file = file;
    this.#options = options;
    this.#tree = new Tree(options.now);
    const size = typeof options.sizeBytes === 'number' ? options.sizeBytes : 0;
    const grow = Math.max(options.growBytes ?? USUAL_GROW_BYTES, size);
    const descriptors = Math.ceil(grow / (BLOCKS_PER_GROUP * BLOCK_BYTES * DESCRIPTORS_PER_BLOCK));
    // One more, so that there is always room to grow: a file system without would lack the feature.
    this.#allocator = new BlockAllocator(
      1 + descriptors + 1,
      size > 0 ? Math.floor(size / BLOCK_BYTES) : Infinity,
    );
    this.#sink = new BlockSink(file, this.#allocator);
    this.#checksumSeed = checksumSeedOf(options.uuid);
  }

  /** Makes a directory, or says what one is like that paths below it were named of. The empty path is the root. */
  async directory(path: Buffer, metadata: EntryMetadata): Promise<void> {
    await this.#exclusively(async () => {
      const inode = this.#tree.directory(path, this.#made(path, TYPE.directory, metadata));
      await this.#setXattrs(path, inode, metadata);
    });
  }

  /** Makes a file of `size` bytes. Blocks of zeros become holes. */
  async file(path: Buffer, metadata: EntryMetadata, size: number, chunks: Chunks): Promise<void> {
    await this.#exclusively(async () => {
      if (!Number.isInteger(size) || size < 0 || size > MAX_FILE_BYTES)
        throw bad(path, `has the size ${size}; the most is ${MAX_FILE_BYTES} bytes`);
      const name = this.#tree.free(path);
      const made = this.#made(path, TYPE.file, metadata);
      const extents = this.#extents;
      extents.clear();
      await writeContent(this.#sink, extents, path, size, chunks);
      const inode = this.#add(name, made, FLAG.extents);
      await this.#assign(inode, extents, size);
      await this.#setXattrs(path, inode, metadata);
    });
  }

  async symlink(path: Buffer, metadata: EntryMetadata, target: Buffer): Promise<void> {
    await this.#exclusively(async () => {
      if (target.length === 0 || target.length > MAX_SYMLINK_BYTES || target.includes(0))
        throw bad(
          path,
          `is a link to nothing, to more than ${MAX_SYMLINK_BYTES} bytes or to a name with a NUL in it`,
        );
      const name = this.#tree.free(path);
      const made = this.#made(path, TYPE.symlink, metadata);
      if (target.length <= FAST_SYMLINK_BYTES) {
        const { store } = this.#tree;
        const inode = this.#add(name, made, 0);
        store.setContent(inode, CONTENT.inline, store.pool.add(target), target.length);
        await this.#setXattrs(path, inode, metadata);
        return;
      }
      const inode = this.#add(name, made, FLAG.extents);
      const block = Buffer.alloc(BLOCK_BYTES);
      target.copy(block);
      this.#tree.store.setContent(inode, CONTENT.extent, await this.#sink.add(block), target.length);
      await this.#setXattrs(path, inode, metadata);
    });
  }

  /** Gives a file, or anything but a directory, that is there a further name. */
  async hardLink(path: Buffer, target: Buffer): Promise<void> {
    await this.#exclusively(async () => {
      const { store } = this.#tree;
      const name = this.#tree.free(path);
      const inode = this.#tree.find(target);
      if (inode === 0) throw bad(path, `is a hard link to ${shownPath(target)}, which is not there`);
      if (store.isDirectory(inode)) throw bad(path, `is a hard link to the directory ${shownPath(target)}`);
      const links = store.links(inode) + 1;
      if (links > MAX_LINKS) throw bad(path, `is one of more than ${MAX_LINKS} hard links to the same file`);
      store.setLinks(inode, links);
      this.#tree.link(name, inode);
    });
  }

  async device(
    path: Buffer,
    metadata: EntryMetadata,
    device: { readonly kind: 'character' | 'block'; readonly major: number; readonly minor: number },
  ): Promise<void> {
    const { kind, major, minor } = device;
    await this.#exclusively(async () => {
      const fits = (value: number, most: number): boolean =>
        Number.isInteger(value) && value >= 0 && value <= most;
      if (!fits(major, MAX_MAJOR) || !fits(minor, MAX_MINOR))
        throw bad(path, `is the device ${major}:${minor}; the most is ${MAX_MAJOR}:${MAX_MINOR}`);
      const type = kind === 'block' ? TYPE.blockDevice : TYPE.characterDevice;
      const inode = this.#add(this.#tree.free(path), this.#made(path, type, metadata), 0);
      this.#tree.store.setContent(inode, CONTENT.device, major * (MAX_MINOR + 1) + minor, 0);
      await this.#setXattrs(path, inode, metadata);
    });
  }

  async fifo(path: Buffer, metadata: EntryMetadata): Promise<void> {
    await this.#plain(path, metadata, TYPE.fifo);
  }

  async socket(path: Buffer, metadata: EntryMetadata): Promise<void> {
    await this.#plain(path, metadata, TYPE.socket);
  }

  /** What was written so far, to be read until `finish`. */
  async written(): Promise<WrittenTree> {
    return this.#exclusively(async () => {
      await this.#sink.flush();
      return new WrittenTree(this.#file, this.#tree);
    });
  }

  /** Writes all that is still missing, and syncs and closes the file. Rejects with `invalid_argument` when the size is too small. */
  async finish(): Promise<Ext4Summary> {
    return this.#exclusively(async () => {
      const { store, names } = this.#tree;
      const { options, identity } = { options: this.#options, identity: this.#identity() };
      await writeDirectories({
        store,
        names,
        sink: this.#sink,
        checksumSeed: this.#checksumSeed,
        hashSeed: hashSeed(options.hashSeed),
        assign: async (inode, extents, size) => this.#assign(inode, extents, size),
      });
      await this.#sink.flush();
      const needs = {
        content: this.#allocator,
        inodes: store.count,
        journalBlocks:
          options.journalBytes === undefined ? undefined : Math.floor(options.journalBytes / BLOCK_BYTES),
      };
      const least = leastBytes(needs);
      const summary = { leastBytes: least, contentBytes: this.#allocator.taken * BLOCK_BYTES };
      const sizeBytes =
        typeof options.sizeBytes === 'number' ? options.sizeBytes : options.sizeBytes(summary);
      const layout = planLayout(needs, sizeBytes);
      if (!layout.fits) throw tooSmall(sizeBytes, least);
      if (layout.reservedBlocks < 1)
        throw new BangerError(
          'internal',
          `A file system of ${sizeBytes} bytes is larger than it was said to grow.`,
        );
      await this.#file.truncate(sizeBytes);
      await writeMetadata(this.#file, layout, store, identity);
      await this.#file.sync();
      await this.close();
      return { sizeBytes, ...summary };
    });
  }

  /** Closes the file; without `finish` there is no file system in it. */
  async close(): Promise<void> {
    if (this.#state === 'over') return;
    this.#state = 'over';
    await this.#file.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #exclusively<T>(work: () => Promise<T>): Promise<T> {
    if (this.#state !== 'ready')
      throw new BangerError('internal', `The writer of a file system was used while ${this.#state}.`);
    this.#state = 'busy';
    const result = await work();
    if (this.#state === 'busy') this.#state = 'ready';
    return result;
  }

  async #plain(path: Buffer, metadata: EntryMetadata, type: number): Promise<void> {
    await this.#exclusively(async () => {
      const inode = this.#add(this.#tree.free(path), this.#made(path, type, metadata), 0);
      await this.#setXattrs(path, inode, metadata);
    });
  }

  #made(path: Buffer, type: number, metadata: EntryMetadata): ReturnType<typeof newInode> {
    return newInode(path, type, metadata, this.#options.now);
  }

  #add(name: FreeName, made: ReturnType<typeof newInode>, flags: number): number {
    const { store } = this.#tree;
    const inode = store.add(made);
    if (flags !== 0) store.addFlags(inode, flags);
    this.#tree.link(name, inode);
    return inode;
  }

  async #assign(inode: number, extents: ExtentList, size: number): Promise<void> {
    await assignExtents(this.#tree.store, inode, extents, size, this.#checksumSeed, async (block) =>
      this.#sink.add(block),
    );
  }

  async #setXattrs(path: Buffer, inode: number, { xattrs }: EntryMetadata): Promise<void> {
    if (xattrs === undefined || xattrs.length === 0) return;
    const { store } = this.#tree;
    const context = { store, sink: this.#sink, checksumSeed: this.#checksumSeed, now: this.#options.now };
    await storeXattrs(context, path, inode, xattrs);
  }

  #identity(): Identity {
    const { uuid, label = Buffer.alloc(0), hashSeed: seed, now } = this.#options;
    return { uuid, label, hashSeed: seed, now };
  }
}

/** Starts a file system in a file that is made here. Rejects with `invalid_argument` for options that no file system has. */
export async function openExt4Writer(path: string, options: Ext4Options): Promise<Ext4Writer> {
  checkOptions(options);
  return new Ext4Writer(await open(path, 'wx+', 0o600), options);
}

function checkOptions({
  sizeBytes,
  uuid,
  hashSeed: seed,
  label,
  journalBytes,
  growBytes,
}: Ext4Options): void {
  const refuse = (what: string): never => {
    throw new BangerError('invalid_argument', `A file system cannot have ${what}.`);
  };
  if (uuid.length !== IDENTIFIER_BYTES || seed.length !== IDENTIFIER_BYTES)
    refuse(`a UUID or a hash seed of other than ${IDENTIFIER_BYTES} bytes`);
  if (label !== undefined && label.length > MAX_LABEL_BYTES)
    refuse(`a label of ${label.length} bytes; the most is ${MAX_LABEL_BYTES}`);
  if (journalBytes !== undefined && !(journalBytes >= MIN_JOURNAL_BLOCKS * BLOCK_BYTES))
    refuse(`a journal of ${journalBytes} bytes; the least is ${MIN_JOURNAL_BLOCKS * BLOCK_BYTES}`);
  for (const bytes of [typeof sizeBytes === 'number' ? sizeBytes : 1, growBytes ?? 1]) {
    if (!Number.isSafeInteger(bytes) || bytes <= 0 || bytes > MAX_FILE_SYSTEM_BYTES)
      refuse(`${bytes} bytes; the most is ${MAX_FILE_SYSTEM_BYTES}`);
  }
}

function bad(path: Buffer, what: string): BangerError {
  return new BangerError('invalid_argument', `The path ${shownPath(path)} ${what}.`);
}
