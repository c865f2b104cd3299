import { crc32c } from './crc32c.ts';
import { BLOCK_BYTES } from './geometry.ts';
import { MAP_BYTES } from './inode-store.ts';

/** Of an extent tree's nodes (Documentation/filesystems/ext4/ifork.rst). */
const MAGIC = 0xf30a;
const HEADER_BYTES = 12;
const ENTRY_BYTES = 12;
/** Entries of the node in an inode, and of one that is a block. */
export const INODE_ENTRIES = (MAP_BYTES - HEADER_BYTES) / ENTRY_BYTES;
const BLOCK_ENTRIES = Math.floor((BLOCK_BYTES - HEADER_BYTES - 4) / ENTRY_BYTES);
/** An extent that is longer would count as unwritten. */
const MAX_EXTENT_BLOCKS = 32_768;

/** The blocks of a file in order: where each stretch lies in the file and on disk. */
export class ExtentList {
  /** Three numbers each: the first block of the file, the first one on disk, how many. */
  #words = new Float64Array(3 * INODE_ENTRIES);
  #count = 0;
  #blocks = 0;

  get count(): number {
    return this.#count;
  }

  /** Blocks of all extents. */
  get blocks(): number {
    return this.#blocks;
  }

  clear(): void {
    this.#count = 0;
    this.#blocks = 0;
  }

  /** Adds blocks behind all that are there. */
  add(logical: number, physical: number, blocks = 1): void {
    this.#blocks += blocks;
    let [from, to, left] = [logical, physical, blocks];
    const last = this.#count - 1;
    if (last >= 0) {
      const length = this.length(last);
      const joins = this.logical(last) + length === from && this.physical(last) + length === to;
      const joined = joins ? Math.min(left, MAX_EXTENT_BLOCKS - length) : 0;
      this.#words[last * 3 + 2] = length + joined;
      from += joined;
      to += joined;
      left -= joined;
    }
    while (left > 0) {
      const piece = Math.min(left, MAX_EXTENT_BLOCKS);
      this.#push(from, to, piece);
      from += piece;
      to += piece;
      left -= piece;
    }
  }

  logical(at: number): number {
    return this.#words[at * 3] ?? 0;
  }

  physical(at: number): number {
    return this.#words[at * 3 + 1] ?? 0;
  }

  length(at: number): number {
    return this.#words[at * 3 + 2] ?? 0;
  }

  #push(logical: number, physical: number, blocks: number): void {
    const at = this.#count * 3;
    if (at === this.#words.length) {
      const larger = new Float64Array(at * 2);
      larger.set(this.#words);
      this.#words = larger;
    }
    this.#words.set([logical, physical, blocks], at);
    this.#count += 1;
  }
}

/** A stretch of a file: its first block in the file and on disk, and how many. */
export interface Extent {
  readonly logical: number;
  readonly physical: number;
  readonly blocks: number;
}

/** A node below the one that is written: the first block of the file that it covers, and the block that it is. */
interface Child {
  readonly logical: number;
  readonly block: number;
}

/**
 * Encodes an extent tree into `map`, an inode's i_block, zeros before. What does not fit becomes blocks, which `writeBlock` stores; they are
 * counted in what is returned. `seed` is what the inode's checksums start from.
 */
export async function encodeExtentTree(
  map: Buffer,
  extents: ExtentList,
  seed: number,
  writeBlock: (block: Buffer) => Promise<number>,
): Promise<number> {
  if (extents.count <= INODE_ENTRIES) {
    writeExtentHeader(map, extents.count, 0);
    for (let at = 0; at < extents.count; at += 1) writeExtent(map, at, extents, at);
    return 0;
  }
  let written = 0;
  const store = async (block: Buffer): Promise<number> => {
    block.writeUInt32LE(crc32c(seed, block, 0, TAIL_OFFSET), TAIL_OFFSET);
    written += 1;
    return writeBlock(block);
  };

  let children: Child[] = [];
  for (let from = 0; from < extents.count; from += BLOCK_ENTRIES) {
    const entries = Math.min(BLOCK_ENTRIES, extents.count - from);
    const block = newNode(entries, 0);
    for (let at = 0; at < entries; at += 1) writeExtent(block, at, extents, from + at);
    children.push({ logical: extents.logical(from), block: await store(block) });
  }
  let depth = 1;
  for (; children.length > INODE_ENTRIES; depth += 1) {
    const parents: Child[] = [];
    for (let from = 0; from < children.length; from += BLOCK_ENTRIES) {
      const below = children.slice(from, from + BLOCK_ENTRIES);
      const block = newNode(below.length, depth);
      below.forEach((child, at) => {
        writeIndex(block, at, child);
      });
      parents.push({ logical: below[0]?.logical ?? 0, block: await store(block) });
    }
    children = parents;
  }
  writeExtentHeader(map, children.length, depth);
  children.forEach((child, at) => {
    writeIndex(map, at, child);
  });
  return written;
}

/** The stretches of a file in order, from what `encodeExtentTree` made; `readBlock` gets a block that it stored. */
export async function* decodeExtentTree(
  node: Buffer,
  readBlock: (block: number) => Promise<Buffer>,
): AsyncGenerator<Extent, void, void> {
  const [entries, depth] = [node.readUInt16LE(2), node.readUInt16LE(6)];
  for (let at = 0; at < entries; at += 1) {
    const offset = HEADER_BYTES + at * ENTRY_BYTES;
    const logical = node.readUInt32LE(offset);
    if (depth > 0) {
      const block = node.readUInt32LE(offset + 4) + node.readUInt16LE(offset + 8) * 2 ** 32;
      yield* decodeExtentTree(await readBlock(block), readBlock);
      continue;
    }
    const physical = node.readUInt32LE(offset + 8) + node.readUInt16LE(offset + 6) * 2 ** 32;
    yield { logical, physical, blocks: node.readUInt16LE(offset + 4) };
  }
}

/** The checksum of a block follows the room for its entries. */
const TAIL_OFFSET = HEADER_BYTES + BLOCK_ENTRIES * ENTRY_BYTES;

function newNode(entries: number, depth: number): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  writeExtentHeader(block, entries, depth);
  return block;
}

/** Starts a node, be it a block or an inode's. */
export function writeExtentHeader(node: Buffer, entries: number, depth: number): void {
  node.writeUInt16LE(MAGIC, 0);
  node.writeUInt16LE(entries, 2);
  node.writeUInt16LE(node.length === MAP_BYTES ? INODE_ENTRIES : BLOCK_ENTRIES, 4);
  node.writeUInt16LE(depth, 6);
}

/** The node of a file whose blocks are one extent. */
export function writeSingleExtent(map: Buffer, physical: number, blocks: number): void {
  const extents = new ExtentList();
  extents.add(0, physical, blocks);
  writeExtentHeader(map, 1, 0);
  writeExtent(map, 0, extents, 0);
}

function writeExtent(node: Buffer, at: number, extents: ExtentList, from: number): void {
  const offset = HEADER_BYTES + at * ENTRY_BYTES;
  const physical = extents.physical(from);
  node.writeUInt32LE(extents.logical(from), offset);
  node.writeUInt16LE(extents.length(from), offset + 4);
  node.writeUInt16LE(Math.floor(physical / 2 ** 32), offset + 6);
  node.writeUInt32LE(physical % 2 ** 32, offset + 8);
}

function writeIndex(node: Buffer, at: number, { logical, block }: Child): void {
  const offset = HEADER_BYTES + at * ENTRY_BYTES;
  node.writeUInt32LE(logical, offset);
  node.writeUInt32LE(block % 2 ** 32, offset + 4);
  node.writeUInt16LE(Math.floor(block / 2 ** 32), offset + 8);
}
