import type { FileHandle } from 'node:fs/promises';
import { BangerError } from '@banger/contract/error';
import type { EntryMetadata } from './entry-metadata.ts';
import { decodeExtentTree, type Extent } from './extents.ts';
import { BLOCK_BYTES, blocksFor } from './geometry.ts';
import { CONTENT, MAP_BYTES, TYPE, TYPE_MASK } from './inode-store.ts';
import { followPath, type PathLookup } from './follow-path.ts';
import { zeros } from './read-pieces.ts';
import type { InodeKind, ReadableTree, ResolvedPath, TreeName } from './readable-tree.ts';
import { timestampOf } from './time.ts';
import type { Tree } from './tree.ts';
import { decodeBlock, decodeInline, type StoredXattr } from './xattr-entries.ts';
import { xattrOf, type Xattr } from './xattrs.ts';

const PERMISSIONS = 0o7777;
/** Read at once. */
const PIECE_BYTES = 1024 ** 2;

/** What a writer has put into a file system that is not finished, by inode: names from memory, content from the file. */
export class WrittenTree implements ReadableTree, PathLookup {
  readonly #file: FileHandle;
  readonly #tree: Tree;

  constructor(file: FileHandle, tree: Tree) {
    this.#file = file;
    this.#tree = tree;
  }

  /** Follows a path, bytes as characters, and the symbolic links on it, as if the root were `/`. Undefined when it leads to nothing. */
  resolve(path: string): Promise<ResolvedPath | undefined> {
    return followPath(this, path);
  }

  find(directory: number, name: string): number | undefined {
    const inode = this.#tree.names.find(directory, Buffer.from(name, 'latin1'), 0, name.length);
    return inode === 0 ? undefined : inode;
  }

  /** All names. */
  *names(): Generator<TreeName, void, void> {
    const { names } = this.#tree;
    for (let entry = 0; entry < names.count; entry += 1)
      yield { parent: names.parent(entry), name: names.name(entry), inode: names.inode(entry) };
  }

  kind(inode: number): InodeKind {
    switch (this.#tree.store.mode(inode) & TYPE_MASK) {
      case TYPE.file:
        return 'file';
      case TYPE.directory:
        return 'directory';
      case TYPE.symlink:
        return 'symlink';
      case TYPE.characterDevice:
        return 'character';
      case TYPE.blockDevice:
        return 'block';
      case TYPE.fifo:
        return 'fifo';
      case TYPE.socket:
        return 'socket';
      default:
        throw new BangerError('internal', `The inode ${inode} has no type.`);
    }
  }

  /** Permissions with set-user-ID, set-group-ID and sticky bit. */
  permissions(inode: number): number {
    return this.#tree.store.mode(inode) & PERMISSIONS;
  }

  size(inode: number): number {
    return this.#tree.store.size(inode);
  }

  /** How many names it has; for other than directories. */
  links(inode: number): number {
    return this.#tree.store.links(inode);
  }

  /** Major and minor number of a device. */
  device(inode: number): { readonly major: number; readonly minor: number } {
    const data = this.#tree.store.data(inode);
    return { major: data >>> 20, minor: data & 0xfffff };
  }

  /** All that an inode was made with. */
  async metadata(inode: number): Promise<EntryMetadata> {
    const { store } = this.#tree;
    const times = store.times(inode)?.map(timestampOf);
    const [accessed, changed, created] = times ?? [];
    const xattrs = await this.#xattrs(inode);
    return {
      mode: this.permissions(inode),
      uid: store.uid(inode),
      gid: store.gid(inode),
      modified: timestampOf(store.modified(inode)),
      ...(accessed === undefined ? {} : { accessed }),
      ...(changed === undefined ? {} : { changed }),
      ...(created === undefined ? {} : { created }),
      ...(xattrs.length === 0 ? {} : { xattrs }),
    };
  }

  /** What a symbolic link says. */
  async linkTarget(inode: number): Promise<Buffer> {
    const { store } = this.#tree;
    const size = store.size(inode);
    return store.kind(inode) === CONTENT.inline
      ? store.pool.get(store.data(inode), size)
      : (await this.#block(store.data(inode))).subarray(0, size);
  }

  /** What a file holds, zeros where it has holes; each piece is good until the next. */
  async *content(inode: number): AsyncGenerator<Buffer, void, void> {
    const size = this.size(inode);
    const buffer = Buffer.allocUnsafeSlow(Math.min(PIECE_BYTES, blocksFor(size) * BLOCK_BYTES));
    let at = 0;
    for await (const { logical, physical, blocks } of this.#extents(inode)) {
      yield* zeros(logical * BLOCK_BYTES - at);
      at = logical * BLOCK_BYTES;
      const end = Math.min(at + blocks * BLOCK_BYTES, size);
      for (let from = physical * BLOCK_BYTES; at < end;) {
        const piece = buffer.subarray(0, Math.min(buffer.length, end - at));
        await this.#read(piece, from);
        from += piece.length;
        at += piece.length;
        yield piece;
      }
    }
    yield* zeros(size - at);
  }

  async *#extents(inode: number): AsyncGenerator<Extent, void, void> {
    const { store } = this.#tree;
    const data = store.data(inode);
    const kind = store.kind(inode);
    if (kind === CONTENT.extent) yield { logical: 0, physical: data, blocks: blocksFor(store.size(inode)) };
    if (kind === CONTENT.map)
      yield* decodeExtentTree(store.pool.get(data, MAP_BYTES), async (block) => this.#block(block));
  }

  async #xattrs(inode: number): Promise<Xattr[]> {
    const found = this.#tree.store.xattrs(inode);
    if (found === undefined) return [];
    const block = found.block === 0 ? [] : decodeBlock(await this.#block(found.block));
    const xattrs: Xattr[] = [];
    for (const stored of [...decodeInline(found.inline), ...block])
      xattrs.push(xattrOf({ index: stored.index, name: stored.name, value: await this.#value(stored) }));
    return xattrs;
  }

  async #value(stored: StoredXattr): Promise<Buffer> {
    if ('value' in stored) return stored.value;
    const pieces: Buffer[] = [];
    for await (const piece of this.content(stored.inode)) pieces.push(Buffer.from(piece));
    return Buffer.concat(pieces);
  }

  async #block(block: number): Promise<Buffer> {
    const buffer = Buffer.alloc(BLOCK_BYTES);
    await this.#read(buffer, block * BLOCK_BYTES);
    return buffer;
  }

  async #read(buffer: Buffer, position: number): Promise<void> {
    for (let done = 0; done < buffer.length;) {
      const { bytesRead } = await this.#file.read(buffer, done, buffer.length - done, position + done);
      if (bytesRead === 0)
        throw new BangerError('internal', 'A file system ended before what was written to it.');
      done += bytesRead;
    }
  }
}
