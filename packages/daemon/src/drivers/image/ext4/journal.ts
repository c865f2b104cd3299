import { BLOCK_BYTES } from './geometry.ts';

/** Below this mke2fs makes no journal. */
export const MIN_FILE_SYSTEM_BLOCKS = 2048;

/** Blocks of a journal by those of the file system that they are enough for (lib/ext2fs/mkjournal.c of e2fsprogs). */
const SIZES = [
  { below: 32_768, blocks: 1024 },
  { below: 262_144, blocks: 4096 },
  { below: 524_288, blocks: 8192 },
  { below: 4_194_304, blocks: 16_384 },
  { below: 8_388_608, blocks: 32_768 },
  { below: 16_777_216, blocks: 65_536 },
  { below: 33_554_432, blocks: 131_072 },
] as const;
const LARGEST_BLOCKS = 262_144;
/** The least that the kernel takes (JBD2_MIN_JOURNAL_BLOCKS). */
export const MIN_JOURNAL_BLOCKS = 1024;

/** What mke2fs makes a journal of, by the size of the file system. */
export function journalBlocksFor(blocks: number): number {
  return SIZES.find(({ below }) => blocks < below)?.blocks ?? LARGEST_BLOCKS;
}

/** Documentation/filesystems/ext4/journal.rst; numbers are big-endian. */
const MAGIC = 0xc03b3998;
const SUPERBLOCK_V2 = 4;

/** The first block of an empty journal. The others may be anything: it says that the log starts nowhere. */
export function encodeJournal(blocks: number, uuid: Buffer): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  block.writeUInt32BE(MAGIC, 0x00);
  block.writeUInt32BE(SUPERBLOCK_V2, 0x04);
  block.writeUInt32BE(BLOCK_BYTES, 0x0c);
  block.writeUInt32BE(blocks, 0x10);
  block.writeUInt32BE(1, 0x14); // The log's first block.
  block.writeUInt32BE(1, 0x18); // The first transaction to expect.
  uuid.copy(block, 0x30);
  block.writeUInt32BE(1, 0x40); // One file system uses it.
  return block;
}
