/**
 * The one geometry that is written. The sizes are those of mke2fs for a file system of more than 512 MiB; the smaller blocks that it
 * takes below would only make a file system slower once it is grown.
 */
export const BLOCK_BYTES = 4096;
/** A group's bitmap is one block, of a bit a block (Documentation/filesystems/ext4/blockgroup.rst). */
export const BLOCKS_PER_GROUP = BLOCK_BYTES * 8;
export const INODE_BYTES = 256;
export const INODES_PER_BLOCK = BLOCK_BYTES / INODE_BYTES;
/** Its bitmap is one block as well. */
export const MAX_INODES_PER_GROUP = BLOCK_BYTES * 8;
/** Of the 64bit feature. */
export const DESCRIPTOR_BYTES = 64;
export const DESCRIPTORS_PER_BLOCK = BLOCK_BYTES / DESCRIPTOR_BYTES;
/** Block numbers that a block of an old block map holds. */
export const POINTERS_PER_BLOCK = BLOCK_BYTES / 4;

/** Inodes with a fixed meaning (Documentation/filesystems/ext4/special_inodes.rst). */
export const ROOT_INODE = 2;
export const RESIZE_INODE = 7;
export const JOURNAL_INODE = 8;
export const FIRST_FREE_INODE = 11;
/** The first one that is not reserved, as mke2fs gives it. */
export const LOST_FOUND_INODE = 11;

/** The largest file system that is made. Its descriptors take 128 blocks, which each copy of the superblock has beside it. */
export const MAX_FILE_SYSTEM_BYTES = 1024 ** 4;

/** Whether a group has a copy of the superblock and of the descriptors: 0, 1 and the powers of 3, 5 and 7 (sparse_super). */
export function hasSuperblock(group: number): boolean {
  if (group <= 1) return true;
  return [3, 5, 7].some((base) => {
    let power = base;
    while (power < group) power *= base;
    return power === group;
  });
}

export function blocksFor(bytes: number): number {
  return Math.ceil(bytes / BLOCK_BYTES);
}
