import { crc32c, crc32cOfNumber } from './crc32c.ts';
import { BLOCK_BYTES, DESCRIPTOR_BYTES } from './geometry.ts';
import type { Layout } from './layout.ts';

/** A group's state, as its descriptor tells it. */
export interface Group {
  readonly freeBlocks: number;
  readonly freeInodes: number;
  readonly directories: number;
  /** Inodes at the end of the table that were never used. */
  readonly unusedInodes: number;
  /** Checksums of the bitmaps, undefined for one that was not written. */
  readonly blockBitmap: number | undefined;
  readonly inodeBitmap: number | undefined;
}

/** Documentation/filesystems/ext4/group_descr.rst, "bg_flags". */
const INODES_UNINITIALISED = 1;
const BLOCKS_UNINITIALISED = 2;
/** The table is zeros where nothing is in it: no kernel has to see to that. */
const TABLE_ZEROED = 4;
const CHECKSUM_OFFSET = 0x1e;

/** The descriptors of all groups, in whole blocks. */
export function encodeDescriptors(layout: Layout, groups: readonly Group[], checksumSeed: number): Buffer {
  const bytes = Buffer.alloc(layout.descriptorBlocks * BLOCK_BYTES);
  groups.forEach((group, number) => {
    const at = bytes.subarray(number * DESCRIPTOR_BYTES, (number + 1) * DESCRIPTOR_BYTES);
    const blockBitmap = layout.blockBitmaps[number] ?? 0;
    const inodeBitmap = layout.inodeBitmaps[number] ?? 0;
    const inodeTable = layout.inodeTables[number] ?? 0;
    // Block numbers of up to 1 TiB have 28 bits, and counts within a group 16: their upper halves are zero.
    at.writeUInt32LE(blockBitmap, 0x00);
    at.writeUInt32LE(inodeBitmap, 0x04);
    at.writeUInt32LE(inodeTable, 0x08);
    at.writeUInt16LE(group.freeBlocks, 0x0c);
    at.writeUInt16LE(group.freeInodes, 0x0e);
    at.writeUInt16LE(group.directories, 0x10);
    at.writeUInt16LE(flagsOf(group), 0x12);
    const blockSum = group.blockBitmap ?? 0;
    const inodeSum = group.inodeBitmap ?? 0;
    at.writeUInt16LE(blockSum & 0xffff, 0x18);
    at.writeUInt16LE(blockSum >>> 16, 0x38);
    at.writeUInt16LE(inodeSum & 0xffff, 0x1a);
    at.writeUInt16LE(inodeSum >>> 16, 0x3a);
    at.writeUInt16LE(group.unusedInodes, 0x1c);
    const checksum = crc32c(crc32cOfNumber(checksumSeed, number), at);
    at.writeUInt16LE(checksum & 0xffff, CHECKSUM_OFFSET);
  });
  return bytes;
}

function flagsOf(group: Group): number {
  const blocks = group.blockBitmap === undefined ? BLOCKS_UNINITIALISED : 0;
  const inodes = group.inodeBitmap === undefined ? INODES_UNINITIALISED : 0;
  return blocks | inodes | TABLE_ZEROED;
}
