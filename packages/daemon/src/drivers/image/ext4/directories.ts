import { BangerError } from '@banger/contract/error';
import type { BlockSink } from './block-sink.ts';
import {
  DOTS_BYTES,
  LEAF_BYTES,
  emptyLeaf,
  entryBytes,
  entryType,
  sealLeaf,
  writeDots,
  writeEntry,
} from './directory-block.ts';
import { ExtentList } from './extents.ts';
import { BLOCK_BYTES, LOST_FOUND_INODE, ROOT_INODE } from './geometry.ts';
import { nameHash, type HashSeed } from './half-md4.ts';
import { MAX_LEAVES, encodeIndex } from './htree.ts';
import { inodeChecksumSeed } from './inode.ts';
import { FLAG, type InodeStore } from './inode-store.ts';
import type { NameTable } from './name-table.ts';

/** Links of an inode that the kernel allows (EXT4_LINK_MAX). A directory with more says 1 (feature dir_nlink). */
export const MAX_LINKS = 65_000;
/** What mke2fs gives lost+found, so that e2fsck need not find room for what it saves. */
const LOST_FOUND_BLOCKS = 4;
/** Names of a directory that are sorted at once: each sort key holds 31 bits of hash and the rest of 53 for the position. */
const MAX_ENTRIES = 2 ** 22;

export interface DirectoriesContext {
  readonly store: InodeStore;
  readonly names: NameTable;
  readonly sink: BlockSink;
  readonly checksumSeed: number;
  readonly hashSeed: HashSeed;
  /** Gives an inode the blocks of its content. */
  readonly assign: (inode: number, extents: ExtentList, size: number) => Promise<void>;
}

/** Writes the blocks of all directories, and sets how many links each has. Throws `invalid_argument` for one with too many names. */
export async function writeDirectories(context: DirectoriesContext): Promise<void> {
  const { store, names } = context;
  const children = childrenByParent(names, store.count);
  const parents = new Uint32Array(store.count + 1);
  const subdirectories = new Uint32Array(store.count + 1);
  parents[ROOT_INODE] = ROOT_INODE;
  for (let entry = 0; entry < names.count; entry += 1) {
    const inode = names.inode(entry);
    if (!store.isDirectory(inode)) continue;
    const parent = names.parent(entry);
    parents[inode] = parent;
    subdirectories[parent] = (subdirectories[parent] ?? 0) + 1;
  }
  const extents = new ExtentList();
  for (let inode = ROOT_INODE; inode <= store.count; inode += 1) {
    if (!store.isDirectory(inode)) continue;
    const links = 2 + (subdirectories[inode] ?? 0);
    store.setLinks(inode, links > MAX_LINKS ? 1 : links);
    extents.clear();
    const directory = {
      inode,
      parent: parents[inode] ?? 0,
      seed: inodeChecksumSeed(context.checksumSeed, inode),
      entries: children(inode),
    };
    await writeDirectory(context, directory, extents);
    await context.assign(inode, extents, extents.blocks * BLOCK_BYTES);
  }
}

/** Sorts the names by the directory that they are in, without a list for each: what is in one is a piece of the result. */
function childrenByParent(names: NameTable, inodes: number): (parent: number) => Uint32Array {
  const ends = new Uint32Array(inodes + 2);
  for (let entry = 0; entry < names.count; entry += 1) {
    const after = names.parent(entry) + 1;
    ends[after] = (ends[after] ?? 0) + 1;
  }
  for (let inode = 1; inode < ends.length; inode += 1)
    ends[inode] = (ends[inode] ?? 0) + (ends[inode - 1] ?? 0);
  // Where each begins; filling it moves that on to where it ends.
  const sorted = new Uint32Array(names.count);
  for (let entry = 0; entry < names.count; entry += 1) {
    const parent = names.parent(entry);
    const at = ends[parent] ?? 0;
    sorted[at] = entry;
    ends[parent] = at + 1;
  }
  return (parent) => sorted.subarray(ends[parent - 1] ?? 0, ends[parent]);
}

interface Directory {
  readonly inode: number;
  readonly parent: number;
  readonly seed: number;
  readonly entries: Uint32Array;
}

async function writeDirectory(
  context: DirectoriesContext,
  directory: Directory,
  extents: ExtentList,
): Promise<void> {
  const { names, sink, store } = context;
  const add = async (block: Buffer): Promise<void> => {
    extents.add(extents.blocks, await sink.add(block));
  };
  const bytes = directory.entries.reduce(
    (sum, entry) => sum + entryBytes(names.nameLength(entry)),
    DOTS_BYTES,
  );
  if (bytes <= LEAF_BYTES) {
    const block = Buffer.alloc(BLOCK_BYTES);
    const { entries } = directory;
    writeDots(block, directory.inode, directory.parent, entries.length === 0 ? LEAF_BYTES : DOTS_BYTES);
    fillLeaf(context, block, DOTS_BYTES, entries, directory.seed);
    await add(block);
    const missing = directory.inode === LOST_FOUND_INODE ? LOST_FOUND_BLOCKS - 1 : 0;
    for (let at = 0; at < missing; at += 1) await add(emptyLeaf(directory.seed));
    return;
  }
  const leaves = splitByHash(context, directory);
  store.addFlags(directory.inode, FLAG.indexed);
  for (const block of encodeIndex(
    directory,
    leaves.map(({ hash }) => hash),
  ))
    await add(block);
  const block = Buffer.alloc(BLOCK_BYTES);
  for (const { entries } of leaves) {
    block.fill(0);
    fillLeaf(context, block, 0, entries, directory.seed);
    await add(block);
  }
}

/** Writes entries from `offset` on; the last reaches up to the end. */
function fillLeaf(
  { names, store }: DirectoriesContext,
  block: Buffer,
  offset: number,
  entries: Uint32Array,
  seed: number,
): void {
  let at = offset;
  entries.forEach((entry, index) => {
    const end = index === entries.length - 1 ? LEAF_BYTES : at + entryBytes(names.nameLength(entry));
    const inode = names.inode(entry);
    writeEntry(block, at, end, inode, entryType(store.mode(inode)), names.name(entry));
    at = end;
  });
  sealLeaf(block, seed);
}

interface Leaf {
  /** The hash that its names start at, the lowest bit set when others with that hash are in the leaf before. */
  readonly hash: number;
  readonly entries: Uint32Array;
}

/** Sorts names by hash and cuts them into leaves, each as full as can be. */
function splitByHash({ names, hashSeed }: DirectoriesContext, { entries, inode }: Directory): Leaf[] {
  if (entries.length > MAX_ENTRIES) throw tooMany(inode, entries.length);
  const keys = new Float64Array(entries.length);
  entries.forEach((entry, at) => {
    const name = names.name(entry);
    keys[at] = (nameHash(name, 0, name.length, hashSeed) / 2) * MAX_ENTRIES + at;
  });
  keys.sort();
  const sorted = new Uint32Array(entries.length);
  const leaves: Leaf[] = [];
  let from = 0;
  let left = LEAF_BYTES;
  let start = 0;
  let before = -1;
  const end = (to: number): void => {
    leaves.push({ hash: start, entries: sorted.subarray(from, to) });
    from = to;
  };
  keys.forEach((key, at) => {
    const hash = Math.floor(key / MAX_ENTRIES) * 2;
    const entry = entries[key % MAX_ENTRIES] ?? 0;
    const bytes = entryBytes(names.nameLength(entry));
    sorted[at] = entry;
    if (bytes > left) {
      end(at);
      left = LEAF_BYTES;
      start = hash === before ? hash + 1 : hash;
    }
    left -= bytes;
    before = hash;
  });
  end(keys.length);
  if (leaves.length > MAX_LEAVES) throw tooMany(inode, entries.length);
  return leaves;
}

function tooMany(inode: number, entries: number): BangerError {
  return new BangerError(
    'invalid_argument',
    `A directory (inode ${inode}) has ${entries} names, which is more than ext4 can index.`,
  );
}
