import type { FileHandle } from 'node:fs/promises';

/** Where the superblock begins, and its fields: the kernel's `Documentation/filesystems/ext4/super.rst`. */
const SUPERBLOCK_OFFSET = 1024;
const BLOCKS_LOW = 0x04;
const LOG_BLOCK_SIZE = 0x18;
const MAGIC_AT = 0x38;
const FEATURE_INCOMPAT = 0x60;
const BLOCKS_HIGH = 0x150;
const SUPERBLOCK_BYTES = 0x154;

const MAGIC = 0xef53;
const FEATURE_64BIT = 0x80;
/** ext4 has blocks of 1 KiB to 64 KiB. */
const MAX_LOG_BLOCK_SIZE = 6;

/**
 * Bytes of the ext4 file system at the start of a file; undefined when there is none. The guest wrote it: nothing but
 * these five numbers is read.
 */
export async function ext4Bytes(file: FileHandle): Promise<number | undefined> {
  const block = Buffer.alloc(SUPERBLOCK_BYTES);
  const { bytesRead } = await file.read(block, 0, block.length, SUPERBLOCK_OFFSET);
  if (bytesRead < block.length || block.readUInt16LE(MAGIC_AT) !== MAGIC) return undefined;
  const logBlockSize = block.readUInt32LE(LOG_BLOCK_SIZE);
  if (logBlockSize > MAX_LOG_BLOCK_SIZE) return undefined;
  const wide = (block.readUInt32LE(FEATURE_INCOMPAT) & FEATURE_64BIT) !== 0;
  const blocks = block.readUInt32LE(BLOCKS_LOW) + (wide ? block.readUInt32LE(BLOCKS_HIGH) * 2 ** 32 : 0);
  return blocks * 1024 * 2 ** logBlockSize;
}
