import { BLOCK_BYTES, BLOCKS_PER_GROUP, hasSuperblock } from './geometry.ts';
import type { Layout } from './layout.ts';

/** Which blocks of a group are in use. */
export interface GroupBlocks {
  readonly used: number;
  /** False when nothing but a copy of the superblock is in it: the kernel works its bitmap out then. */
  readonly content: boolean;
}

/** Counts the blocks of a group that are in use. */
export function groupBlocks(layout: Layout, group: number): GroupBlocks {
  const { start, end } = groupRange(layout, group);
  const { space } = layout;
  if (start >= space.end) return { used: hasSuperblock(group) ? space.backupBlocks : 0, content: false };
  const free = space.gaps.reduce(
    (sum, gap) => sum + Math.max(0, Math.min(end, gap.start + gap.count) - Math.max(start, gap.start)),
    0,
  );
  return { used: Math.min(end, space.end) - start - free, content: true };
}

/** The blocks of a group, `end` not among them. */
export function groupRange(layout: Layout, group: number): { start: number; end: number } {
  const start = group * BLOCKS_PER_GROUP;
  return { start, end: Math.min(start + BLOCKS_PER_GROUP, layout.blocks) };
}

/** A group's bitmap of blocks. What lies behind the end of the file system counts as used. */
export function encodeBlockBitmap(layout: Layout, group: number): Buffer {
  const bitmap = Buffer.alloc(BLOCK_BYTES);
  const { start, end } = groupRange(layout, group);
  const { space } = layout;
  setBits(bitmap, 0, Math.min(end, space.end) - start, true);
  for (const gap of space.gaps) {
    const from = Math.max(start, gap.start) - start;
    setBits(bitmap, from, Math.min(end, gap.start + gap.count) - start, false);
  }
  if (hasSuperblock(group)) setBits(bitmap, 0, space.backupBlocks, true);
  setBits(bitmap, end - start, BLOCKS_PER_GROUP, true);
  return bitmap;
}

/** A group's bitmap of inodes, the first `used` of which are taken. What there is no inode for counts as used. */
export function encodeInodeBitmap(used: number, inodesPerGroup: number): Buffer {
  const bitmap = Buffer.alloc(BLOCK_BYTES);
  setBits(bitmap, 0, used, true);
  setBits(bitmap, inodesPerGroup, BLOCK_BYTES * 8, true);
  return bitmap;
}

function setBits(bitmap: Buffer, from: number, to: number, value: boolean): void {
  const set = (at: number): void => {
    const byte = bitmap[at >>> 3] ?? 0;
    bitmap[at >>> 3] = value ? byte | (1 << (at & 7)) : byte & ~(1 << (at & 7));
  };
  let at = from;
  for (; at < to && (at & 7) !== 0; at += 1) set(at);
  const whole = Math.max(at, to - (to % 8));
  bitmap.fill(value ? 0xff : 0, at >>> 3, whole >>> 3);
  for (at = whole; at < to; at += 1) set(at);
}
