import type { FileHandle } from 'node:fs/promises';
import { encodeBlockBitmap, encodeInodeBitmap, groupBlocks, groupRange } from './bitmaps.ts';
import { writeAt } from './block-sink.ts';
import { CRC32C_START, crc32c } from './crc32c.ts';
import { encodeExtentTree } from './extents.ts';
import {
  BLOCK_BYTES,
  BLOCKS_PER_GROUP,
  INODE_BYTES,
  INODES_PER_BLOCK,
  JOURNAL_INODE,
  RESIZE_INODE,
  hasSuperblock,
} from './geometry.ts';
import { encodeDescriptors, type Group } from './group-descriptors.ts';
import { encodeInode, inodeChecksumSeed } from './inode.ts';
import { assignMap } from './inode-content.ts';
import { FLAG, MAP_BYTES, TYPE, type InodeStore } from './inode-store.ts';
import { encodeJournal } from './journal.ts';
import type { Layout } from './layout.ts';
import { encodeResizeInode } from './resize-inode.ts';
import { SUPERBLOCK_BYTES, encodeSuperblock } from './superblock.ts';
import type { Timestamp } from './time.ts';

/** What makes a file system the one that it is. */
export interface Identity {
  readonly uuid: Buffer;
  readonly label: Buffer;
  readonly hashSeed: Buffer;
  readonly now: Timestamp;
}

/** What the checksums of all structures but the superblock start from. */
export function checksumSeedOf(uuid: Buffer): number {
  return crc32c(CRC32C_START, uuid);
}

/** The first copy lies behind the room for a boot loader. */
const SUPERBLOCK_OFFSET = 1024;
/** Inodes that are encoded and written at once, 1 MiB. */
const INODES_AT_ONCE = 2 ** 20 / INODE_BYTES;

/** Writes all that is no content: reserved inodes, tables, bitmaps, descriptors, and the superblocks last. */
export async function writeMetadata(
  file: FileHandle,
  layout: Layout,
  store: InodeStore,
  identity: Identity,
): Promise<void> {
  const seed = checksumSeedOf(identity.uuid);
  await writeResizeInode(file, layout, store, identity);
  const journalMap = await writeJournal(file, layout, store, identity);
  await writeInodes(file, layout, store, { store, now: identity.now, checksumSeed: seed });
  const groups: Group[] = [];
  for (let group = 0; group < layout.groups; group += 1)
    groups.push(await writeBitmaps(file, layout, store, group, seed));

  const descriptors = encodeDescriptors(layout, groups, seed);
  const total = (of: (group: Group) => number): number => groups.reduce((all, group) => all + of(group), 0);
  const facts = {
    ...identity,
    freeBlocks: total(({ freeBlocks }) => freeBlocks),
    freeInodes: total(({ freeInodes }) => freeInodes),
    overheadBlocks: overheadBlocks(layout),
    journalMap,
    journalBytes: layout.journal.blocks * BLOCK_BYTES,
    xattrValues: hasXattrValues(store),
  };
  for (let group = layout.groups - 1; group >= 0; group -= 1) {
    if (!hasSuperblock(group)) continue;
    const start = group * BLOCKS_PER_GROUP * BLOCK_BYTES;
    const head = Buffer.alloc(BLOCK_BYTES);
    encodeSuperblock(layout, facts, group).copy(
      head,
      group === 0 ? SUPERBLOCK_OFFSET : 0,
      0,
      SUPERBLOCK_BYTES,
    );
    await writeAt(file, Buffer.concat([head, descriptors]), start);
  }
}

async function writeResizeInode(
  file: FileHandle,
  layout: Layout,
  store: InodeStore,
  { now }: Identity,
): Promise<void> {
  const resize = encodeResizeInode(layout);
  store.set(RESIZE_INODE, { mode: TYPE.file | 0o600, uid: 0, gid: 0, modified: now });
  store.setLinks(RESIZE_INODE, 1);
  assignMap(store, RESIZE_INODE, resize.map, resize.blocks, resize.size);
  for (const { block, bytes } of resize.written) await writeAt(file, bytes, block * BLOCK_BYTES);
}

/** Gives i_block of the journal's inode. */
async function writeJournal(
  file: FileHandle,
  layout: Layout,
  store: InodeStore,
  { now, uuid }: Identity,
): Promise<Buffer> {
  const { journal, journalTree = 0 } = layout;
  const seed = inodeChecksumSeed(checksumSeedOf(uuid), JOURNAL_INODE);
  const map = Buffer.alloc(MAP_BYTES);
  const treeBlocks = await encodeExtentTree(map, journal, seed, async (block) => {
    await writeAt(file, block, journalTree * BLOCK_BYTES);
    return journalTree;
  });
  store.set(JOURNAL_INODE, { mode: TYPE.file | 0o600, uid: 0, gid: 0, modified: now });
  store.setLinks(JOURNAL_INODE, 1);
  store.addFlags(JOURNAL_INODE, FLAG.extents);
  assignMap(store, JOURNAL_INODE, map, journal.blocks + treeBlocks, journal.blocks * BLOCK_BYTES);
  await writeAt(file, encodeJournal(journal.blocks, uuid), journal.physical(0) * BLOCK_BYTES);
  return map;
}

async function writeInodes(
  file: FileHandle,
  layout: Layout,
  store: InodeStore,
  context: Parameters<typeof encodeInode>[3],
): Promise<void> {
  const buffer = Buffer.allocUnsafeSlow(INODES_AT_ONCE * INODE_BYTES);
  for (let group = 0; group * layout.inodesPerGroup < store.count; group += 1) {
    const used = usedInodes(layout, store, group);
    const table = (layout.inodeTables[group] ?? 0) * BLOCK_BYTES;
    for (let from = 0; from < used; from += INODES_AT_ONCE) {
      const count = Math.min(INODES_AT_ONCE, used - from);
      const bytes = buffer.subarray(0, Math.ceil(count / INODES_PER_BLOCK) * BLOCK_BYTES);
      bytes.fill(0);
      for (let at = 0; at < count; at += 1)
        encodeInode(bytes, at * INODE_BYTES, group * layout.inodesPerGroup + from + at + 1, context);
      await writeAt(file, bytes, table + from * INODE_BYTES);
    }
  }
}

/** Inodes of a group that are in use: the first ones. */
function usedInodes(layout: Layout, store: InodeStore, group: number): number {
  return Math.min(Math.max(store.count - group * layout.inodesPerGroup, 0), layout.inodesPerGroup);
}

async function writeBitmaps(
  file: FileHandle,
  layout: Layout,
  store: InodeStore,
  group: number,
  seed: number,
): Promise<Group> {
  const { inodesPerGroup } = layout;
  const { start, end } = groupRange(layout, group);
  const blocks = groupBlocks(layout, group);
  const inodes = usedInodes(layout, store, group);
  let directories = 0;
  const first = group * inodesPerGroup + 1;
  for (let inode = first; inode < first + inodes; inode += 1) if (store.isDirectory(inode)) directories += 1;
  let blockBitmap: number | undefined;
  let inodeBitmap: number | undefined;
  // The last group's is always there, because it tells where the file system ends.
  if (blocks.content || group === layout.groups - 1) {
    const bitmap = encodeBlockBitmap(layout, group);
    await writeAt(file, bitmap, (layout.blockBitmaps[group] ?? 0) * BLOCK_BYTES);
    blockBitmap = crc32c(seed, bitmap);
  }
  if (inodes > 0) {
    const bitmap = encodeInodeBitmap(inodes, inodesPerGroup);
    await writeAt(file, bitmap, (layout.inodeBitmaps[group] ?? 0) * BLOCK_BYTES);
    inodeBitmap = crc32c(seed, bitmap, 0, inodesPerGroup / 8);
  }
  return {
    freeBlocks: end - start - blocks.used,
    freeInodes: inodesPerGroup - inodes,
    directories,
    unusedInodes: inodesPerGroup - inodes,
    blockBitmap,
    inodeBitmap,
  };
}

function overheadBlocks(layout: Layout): number {
  const tables = layout.groups * (2 + layout.inodesPerGroup / INODES_PER_BLOCK);
  let superblocks = 0;
  for (let group = 0; group < layout.groups; group += 1) if (hasSuperblock(group)) superblocks += 1;
  return tables + superblocks * layout.space.backupBlocks + layout.journal.blocks;
}

function hasXattrValues(store: InodeStore): boolean {
  for (let inode = 1; inode <= store.count; inode += 1)
    if ((store.flags(inode) & FLAG.xattrValue) !== 0) return true;
  return false;
}
