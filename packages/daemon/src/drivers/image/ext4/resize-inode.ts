import { BLOCK_BYTES, BLOCKS_PER_GROUP, POINTERS_PER_BLOCK, hasSuperblock } from './geometry.ts';
import { MAP_BYTES } from './inode-store.ts';
import type { Layout } from './layout.ts';

/** The place in i_block of the block of blocks of block numbers. */
const DOUBLE_INDIRECT = 13;
const DIRECT = 12;

/** The blocks and the inode that keep room for more descriptors, so that the file system can grow while it is mounted. */
export interface ResizeInode {
  readonly map: Buffer;
  readonly size: number;
  /** That it takes. */
  readonly blocks: number;
  /** To be written, those of zeros left out. */
  readonly written: readonly { readonly block: number; readonly bytes: Buffer }[];
}

/**
 * The resize inode (Documentation/filesystems/ext4/special_inodes.rst; lib/ext2fs/res_gdt.c of e2fsprogs): an old block map in which each
 * spare block beside the first superblock stands for a block of descriptors to come, and lists its copies in the other groups.
 */
export function encodeResizeInode(layout: Layout): ResizeInode {
  const { descriptorBlocks, reservedBlocks, resizeMap } = layout;
  const copies: number[] = [];
  for (let group = 1; group < layout.groups; group += 1) if (hasSuperblock(group)) copies.push(group);
  const double = Buffer.alloc(BLOCK_BYTES);
  const written = [{ block: resizeMap, bytes: double }];
  for (let index = descriptorBlocks; index < descriptorBlocks + reservedBlocks; index += 1) {
    const block = 1 + index;
    double.writeUInt32LE(block, (index % POINTERS_PER_BLOCK) * 4);
    const bytes = Buffer.alloc(BLOCK_BYTES);
    copies.forEach((group, at) => {
      bytes.writeUInt32LE(group * BLOCKS_PER_GROUP + block, at * 4);
    });
    if (copies.length > 0) written.push({ block, bytes });
  }
  const map = Buffer.alloc(MAP_BYTES);
  map.writeUInt32LE(resizeMap, DOUBLE_INDIRECT * 4);
  return {
    map,
    size: (POINTERS_PER_BLOCK ** 2 + POINTERS_PER_BLOCK + DIRECT) * BLOCK_BYTES,
    blocks: 1 + reservedBlocks * (1 + copies.length),
    written,
  };
}
