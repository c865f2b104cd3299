import { crc32c, crc32cOfNumber } from './crc32c.ts';
import { DOTS_BYTES, writeDots } from './directory-block.ts';
import { BLOCK_BYTES } from './geometry.ts';

/** Documentation/filesystems/ext4/directory.rst, "Hash Tree Directories". */
const HALF_MD4 = 1;
const INFO_BYTES = 8;
const ENTRY_BYTES = 8;
const TAIL_BYTES = 8;
/** An index block starts with an unused entry that spans it. */
const FAKE_ENTRY_BYTES = 8;
const ROOT_OFFSET = DOTS_BYTES + INFO_BYTES;

const ROOT_ENTRIES = (BLOCK_BYTES - ROOT_OFFSET - TAIL_BYTES) / ENTRY_BYTES;
const NODE_ENTRIES = (BLOCK_BYTES - FAKE_ENTRY_BYTES - TAIL_BYTES) / ENTRY_BYTES;

/** Blocks of names that an index of two levels reaches, 1 GiB; more would need the feature large_dir. */
export const MAX_LEAVES = ROOT_ENTRIES * NODE_ENTRIES;

/** Whose index it is. */
export interface IndexedDirectory {
  readonly inode: number;
  readonly parent: number;
  /** What the directory's checksums start from. */
  readonly seed: number;
}

/**
 * The index of a directory, as its first blocks: a root, and below it nodes when there are many leaves. The leaves follow in order. `hashes`
 * are those that each leaf starts at, with the lowest bit set when the hash began in the leaf before; at most `MAX_LEAVES`.
 */
export function encodeIndex(directory: IndexedDirectory, hashes: readonly number[]): Buffer[] {
  const nodes = hashes.length <= ROOT_ENTRIES ? 0 : Math.ceil(hashes.length / NODE_ENTRIES);
  const firstLeaf = 1 + nodes;
  const root = Buffer.alloc(BLOCK_BYTES);
  writeDots(root, directory.inode, directory.parent, BLOCK_BYTES);
  root.writeUInt8(HALF_MD4, DOTS_BYTES + 4);
  root.writeUInt8(INFO_BYTES, DOTS_BYTES + 5);
  root.writeUInt8(nodes === 0 ? 0 : 1, DOTS_BYTES + 6);
  const blocks = [root];
  const leaves = hashes.map((hash, at) => ({ hash, block: firstLeaf + at }));
  if (nodes === 0) {
    writeEntries(root, ROOT_OFFSET, ROOT_ENTRIES, leaves, directory.seed);
    return blocks;
  }
  const below: IndexEntry[] = [];
  for (let node = 0; node < nodes; node += 1) {
    const block = Buffer.alloc(BLOCK_BYTES);
    block.writeUInt16LE(BLOCK_BYTES, 4);
    const entries = leaves.slice(node * NODE_ENTRIES, (node + 1) * NODE_ENTRIES);
    writeEntries(block, FAKE_ENTRY_BYTES, NODE_ENTRIES, entries, directory.seed);
    below.push({ hash: entries[0]?.hash ?? 0, block: blocks.length });
    blocks.push(block);
  }
  writeEntries(root, ROOT_OFFSET, ROOT_ENTRIES, below, directory.seed);
  return blocks;
}

interface IndexEntry {
  readonly hash: number;
  /** Counted from the start of the directory. */
  readonly block: number;
}

/** Writes entries and their checksum. The first has no hash: how many there are, and can be, lies in its place. */
function writeEntries(
  block: Buffer,
  offset: number,
  limit: number,
  entries: readonly IndexEntry[],
  seed: number,
): void {
  entries.forEach((entry, at) => {
    block.writeUInt32LE(entry.hash, offset + at * ENTRY_BYTES);
    block.writeUInt32LE(entry.block, offset + at * ENTRY_BYTES + 4);
  });
  block.writeUInt16LE(limit, offset);
  block.writeUInt16LE(entries.length, offset + 2);
  const tail = offset + limit * ENTRY_BYTES;
  const used = crc32c(seed, block, 0, offset + entries.length * ENTRY_BYTES);
  // The tail's reserved word, then the checksum itself as zero.
  const checksum = crc32cOfNumber(crc32cOfNumber(used, 0), 0);
  block.writeUInt32LE(checksum, tail + 4);
}
