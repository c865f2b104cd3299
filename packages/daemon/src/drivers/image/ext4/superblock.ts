import { CRC32C_START, crc32c } from './crc32c.ts';
import {
  BLOCKS_PER_GROUP,
  DESCRIPTOR_BYTES,
  FIRST_FREE_INODE,
  INODE_BYTES,
  JOURNAL_INODE,
} from './geometry.ts';
import { EXTRA_BYTES } from './inode.ts';
import type { Layout } from './layout.ts';
import type { Timestamp } from './time.ts';

export const SUPERBLOCK_BYTES = 1024;
/** Bytes of a label. */
export const MAX_LABEL_BYTES = 16;

/** Features (Documentation/filesystems/ext4/super.rst): those that mke2fs 1.47 gives ext4. */
const COMPATIBLE = { hasJournal: 0x4, extAttr: 0x8, resizeInode: 0x10, dirIndex: 0x20 } as const;
const INCOMPATIBLE = { filetype: 0x2, extents: 0x40, wide: 0x80, flexBg: 0x200 } as const;
const READ_ONLY_COMPATIBLE = {
  sparseSuper: 0x1,
  largeFile: 0x2,
  hugeFile: 0x8,
  dirNlink: 0x20,
  extraIsize: 0x40,
  metadataChecksums: 0x400,
} as const;
/** Only where a value of an xattr is in an inode of its own. */
const XATTR_VALUE_INODES = 0x400;

const MAGIC = 0xef53;
const CLEAN = 1;
const ON_ERROR_CONTINUE = 1;
const DYNAMIC_REVISION = 1;
const LOG_BLOCK_BYTES = 2; // 1024 * 2^2
const NEVER = 0xffff; // Mounts after which to check.
const HALF_MD4 = 1;
const JOURNAL_BACKUP = 1;
const USER_XATTRS_AND_ACLS = 0xc; // Mount options by default.
const SIGNED_HASH = 1;
const CRC32C = 1;
/** Groups whose tables the kernel keeps together where it adds groups: 2^4. */
const LOG_GROUPS_PER_FLEX = 4;
const CHECKSUM_OFFSET = 0x3fc;

/** What a superblock tells that the layout does not. */
export interface SuperblockFacts {
  readonly uuid: Buffer;
  readonly label: Buffer;
  readonly hashSeed: Buffer;
  readonly now: Timestamp;
  readonly freeBlocks: number;
  readonly freeInodes: number;
  /** Blocks that never hold content: tables, bitmaps, superblocks, the journal. */
  readonly overheadBlocks: number;
  /** i_block of the journal's inode, and its size. */
  readonly journalMap: Buffer;
  readonly journalBytes: number;
  /** Whether inodes hold values of xattrs. */
  readonly xattrValues: boolean;
}

/** The superblock as group `group` has it. */
export function encodeSuperblock(layout: Layout, facts: SuperblockFacts, group: number): Buffer {
  const block = Buffer.alloc(SUPERBLOCK_BYTES);
  const u32 = (value: number, at: number): void => void block.writeUInt32LE(value, at);
  const u16 = (value: number, at: number): void => void block.writeUInt16LE(value, at);
  const u8 = (value: number, at: number): void => void block.writeUInt8(value, at);
  const time = (at: number, highAt: number): void => {
    const seconds = Math.max(facts.now.seconds, 0);
    u32(seconds % 2 ** 32, at);
    u8(Math.floor(seconds / 2 ** 32) & 0xff, highAt);
  };
  u32(layout.inodesPerGroup * layout.groups, 0x00);
  u32(layout.blocks, 0x04);
  u32(facts.freeBlocks, 0x0c);
  u32(facts.freeInodes, 0x10);
  u32(LOG_BLOCK_BYTES, 0x18);
  u32(LOG_BLOCK_BYTES, 0x1c);
  u32(BLOCKS_PER_GROUP, 0x20);
  u32(BLOCKS_PER_GROUP, 0x24);
  u32(layout.inodesPerGroup, 0x28);
  time(0x30, 0x274); // Written.
  u16(NEVER, 0x36);
  u16(MAGIC, 0x38);
  u16(CLEAN, 0x3a);
  u16(ON_ERROR_CONTINUE, 0x3c);
  time(0x40, 0x277); // Checked.
  u32(DYNAMIC_REVISION, 0x4c);
  u32(FIRST_FREE_INODE, 0x54);
  u16(INODE_BYTES, 0x58);
  u16(group, 0x5a);
  u32(sum(COMPATIBLE), 0x5c);
  u32(sum(INCOMPATIBLE) + (facts.xattrValues ? XATTR_VALUE_INODES : 0), 0x60);
  u32(sum(READ_ONLY_COMPATIBLE), 0x64);
  facts.uuid.copy(block, 0x68);
  facts.label.copy(block, 0x78);
  u16(layout.reservedBlocks, 0xce);
  u32(JOURNAL_INODE, 0xe0);
  facts.hashSeed.copy(block, 0xec);
  u8(HALF_MD4, 0xfc);
  u8(JOURNAL_BACKUP, 0xfd);
  u16(DESCRIPTOR_BYTES, 0xfe);
  u32(USER_XATTRS_AND_ACLS, 0x100);
  time(0x108, 0x276); // Made.
  facts.journalMap.copy(block, 0x10c);
  u32(Math.floor(facts.journalBytes / 2 ** 32), 0x148);
  u32(facts.journalBytes % 2 ** 32, 0x14c);
  u16(EXTRA_BYTES, 0x15c);
  u16(EXTRA_BYTES, 0x15e);
  u32(SIGNED_HASH, 0x160);
  u8(LOG_GROUPS_PER_FLEX, 0x174);
  u8(CRC32C, 0x175);
  u32(facts.overheadBlocks, 0x248);
  u32(crc32c(CRC32C_START, block, 0, CHECKSUM_OFFSET), CHECKSUM_OFFSET);
  return block;
}

function sum(features: Readonly<Record<string, number>>): number {
  return Object.values(features).reduce((total, feature) => total + feature, 0);
}
