import { BlockAllocator } from './allocator.ts';
import { ExtentList, INODE_ENTRIES } from './extents.ts';
import {
  BLOCK_BYTES,
  BLOCKS_PER_GROUP,
  DESCRIPTORS_PER_BLOCK,
  INODES_PER_BLOCK,
  MAX_INODES_PER_GROUP,
  hasSuperblock,
} from './geometry.ts';
import { journalBlocksFor, MIN_FILE_SYSTEM_BLOCKS } from './journal.ts';

/** mke2fs's own ratio for ordinary sizes. */
const BYTES_PER_INODE = 16_384;
/** What is left for new files when the content has more inodes than that ratio gives. */
const SPARE_INODES = 1.25;
/** A last group with less room than this beside its own tables is left out, as mke2fs does it. */
const LAST_GROUP_ROOM = 50;

/** Blocks by which a size that is too small is raised until all fits. */
const LEAST_STEP = 64;

/** What a layout has to hold. */
export interface LayoutNeeds {
  /** Where the content lies; it is not changed. */
  readonly content: BlockAllocator;
  /** The highest inode in use. */
  readonly inodes: number;
  /** When absent, as large as mke2fs makes it for the size. */
  readonly journalBlocks?: number | undefined;
}

/** Where everything lies in a file system of a given size. */
export interface Layout {
  /** Of the file system. */
  readonly blocks: number;
  readonly groups: number;
  readonly inodesPerGroup: number;
  /** Blocks of the descriptors, and the room for more of them. */
  readonly descriptorBlocks: number;
  readonly reservedBlocks: number;
  /** The first block of each group's inode table; its bitmaps. */
  readonly inodeTables: readonly number[];
  readonly inodeBitmaps: readonly number[];
  readonly blockBitmaps: readonly number[];
  readonly journal: ExtentList;
  /** The block for what of the journal's extents does not fit into its inode. */
  readonly journalTree: number | undefined;
  /** The block that lists the room for more descriptors. */
  readonly resizeMap: number;
  /** What is in use in the end. */
  readonly space: BlockAllocator;
  /** Whether all of that is there. */
  readonly fits: boolean;
}

/** Lays out a file system of `bytes`. The tables come behind the content, together: flex_bg lets them be in any group. */
export function planLayout(needs: LayoutNeeds, bytes: number): Layout {
  const { content } = needs;
  const space = BlockAllocator.copyOf(content);
  const shape = shapeOf(needs, Math.max(Math.floor(bytes / BLOCK_BYTES), MIN_FILE_SYSTEM_BLOCKS));
  const { blocks, groups, inodesPerGroup } = shape;
  const numbers = Array.from({ length: groups }, (_, group) => group);
  const tableBlocks = inodesPerGroup / INODES_PER_BLOCK;
  const inodeTables = numbers.map(() => space.takeTogether(tableBlocks));
  const blockBitmaps = numbers.map(() => space.take(1).start);
  const inodeBitmaps = numbers.map(() => space.take(1).start);
  const journal = new ExtentList();
  for (let left = needs.journalBlocks ?? journalBlocksFor(blocks); left > 0;) {
    const run = space.take(left);
    journal.add(journal.blocks, run.start, run.count);
    left -= run.count;
  }
  const journalTree = journal.count > INODE_ENTRIES ? space.take(1).start : undefined;
  const resizeMap = space.take(1).start;
  const descriptorBlocks = Math.ceil(groups / DESCRIPTORS_PER_BLOCK);
  return {
    blocks,
    groups,
    inodesPerGroup,
    descriptorBlocks,
    reservedBlocks: space.backupBlocks - 1 - descriptorBlocks,
    inodeTables,
    inodeBitmaps,
    blockBitmaps,
    journal,
    journalTree,
    resizeMap,
    space,
    fits:
      bytes >= MIN_FILE_SYSTEM_BLOCKS * BLOCK_BYTES &&
      space.end <= blocks &&
      inodesPerGroup * groups >= wantedInodes(needs, blocks),
  };
}

/** The least size that holds it all, give or take a few blocks. */
export function leastBytes(needs: LayoutNeeds): number {
  const groups = Math.ceil((needs.inodes * SPARE_INODES) / MAX_INODES_PER_GROUP);
  let blocks = Math.max(needs.content.end, (groups - 1) * BLOCKS_PER_GROUP, MIN_FILE_SYSTEM_BLOCKS);
  for (;;) {
    const layout = planLayout(needs, blocks * BLOCK_BYTES);
    if (layout.fits) return layout.blocks * BLOCK_BYTES;
    // More groups need more tables: it grows until they fit too.
    blocks = Math.max(blocks + LEAST_STEP, layout.space.end);
  }
}

function shapeOf(needs: LayoutNeeds, wanted: number): Pick<Layout, 'blocks' | 'groups' | 'inodesPerGroup'> {
  const groups = Math.ceil(wanted / BLOCKS_PER_GROUP);
  const perGroup = Math.ceil(wantedInodes(needs, wanted) / groups / INODES_PER_BLOCK) * INODES_PER_BLOCK;
  const inodesPerGroup = Math.min(perGroup, MAX_INODES_PER_GROUP);
  const last = wanted % BLOCKS_PER_GROUP;
  const tables = 2 + inodesPerGroup / INODES_PER_BLOCK;
  const backup = hasSuperblock(groups - 1) ? needs.content.backupBlocks : 0;
  const tooSmall = groups > 1 && last > 0 && last < tables + backup + LAST_GROUP_ROOM;
  return tooSmall ? shapeOf(needs, wanted - last) : { blocks: wanted, groups, inodesPerGroup };
}

function wantedInodes({ inodes }: LayoutNeeds, blocks: number): number {
  return Math.max((blocks * BLOCK_BYTES) / BYTES_PER_INODE, inodes * SPARE_INODES);
}
