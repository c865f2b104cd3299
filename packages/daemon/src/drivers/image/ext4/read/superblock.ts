import { INODE_BYTES } from '../geometry.ts';
import { brokenFileSystem, unreadableFileSystem } from './refusal.ts';

/** Where the superblock lies, whatever the size of a block. */
export const SUPERBLOCK_OFFSET = 1024;
export const SUPERBLOCK_BYTES = 1024;

const MAGIC = 0xef53;
const CLEAN = 1;
const ERRORS_SEEN = 2;
/** The kernel of a guest mounts none whose blocks are larger than its pages. */
const MOST_LOG_BLOCK_BYTES = 2;
/** Of a file system without the 64bit feature. */
const SHORT_DESCRIPTOR_BYTES = 32;
const LEAST_INODE_BYTES = 128;

/** Features that what is read here can have (Documentation/filesystems/ext4/super.rst, "s_feature_incompat"). */
const KNOWN =
  0x2 | // filetype
  0x40 | // extents
  0x80 | // 64bit
  0x100 | // mmp
  0x200 | // flex_bg
  0x400 | // ea_inode
  0x2000 | // csum_seed
  0x4000; // largedir
const WIDE = 0x80;
const FILE_TYPE = 0x2;
/** Features by which people know why theirs is not read. */
const REFUSED: readonly (readonly [bit: number, name: string])[] = [
  [0x1, 'compression'],
  [0x8, 'an external journal'],
  [0x10, 'meta_bg'],
  [0x1000, 'dirdata'],
  [0x8000, 'inline_data'],
  [0x10000, 'encryption'],
  [0x20000, 'casefold'],
];
const NEEDS_RECOVERY = 0x4;

/** What of a superblock is needed to find inodes and blocks. */
export interface Superblock {
  readonly blockBytes: number;
  /** Of the whole file system. */
  readonly blocks: number;
  readonly inodes: number;
  readonly inodesPerGroup: number;
  readonly inodeBytes: number;
  readonly descriptorBytes: number;
  /** The block that the first superblock lies in; descriptors begin in the next. */
  readonly firstBlock: number;
  /** Whether names tell what they are of. */
  readonly hasFileTypes: boolean;
}

/** Bytes that a file system takes. */
export function fileSystemBytes({ blockBytes, blocks }: Superblock): number {
  return blockBytes * blocks;
}

/** Reads a superblock. Throws `image_invalid` where there is none, or one that a kernel would not mount as it is, `image_unsupported` for features that are not read here. */
export function decodeSuperblock(bytes: Buffer): Superblock {
  if (bytes.length < SUPERBLOCK_BYTES || bytes.readUInt16LE(0x38) !== MAGIC)
    throw brokenFileSystem('is no ext4 file system');
  const logBlockBytes = bytes.readUInt32LE(0x18);
  if (logBlockBytes > MOST_LOG_BLOCK_BYTES)
    throw unreadableFileSystem('has blocks of more than 4096 bytes, which no VM mounts');
  const incompatible = bytes.readUInt32LE(0x60);
  checkFeatures(incompatible);
  const state = bytes.readUInt16LE(0x3a);
  if ((incompatible & NEEDS_RECOVERY) !== 0 || (state & CLEAN) === 0)
    throw brokenFileSystem('was not unmounted cleanly');
  if ((state & ERRORS_SEEN) !== 0) throw brokenFileSystem('is marked as damaged');
  const wide = (incompatible & WIDE) !== 0;
  const found: Superblock = {
    blockBytes: 1024 * 2 ** logBlockBytes,
    blocks: bytes.readUInt32LE(0x04) + (wide ? bytes.readUInt32LE(0x150) * 2 ** 32 : 0),
    inodes: bytes.readUInt32LE(0x00),
    inodesPerGroup: bytes.readUInt32LE(0x28),
    inodeBytes: bytes.readUInt16LE(0x58),
    descriptorBytes: wide ? bytes.readUInt16LE(0xfe) : SHORT_DESCRIPTOR_BYTES,
    firstBlock: bytes.readUInt32LE(0x14),
    hasFileTypes: (incompatible & FILE_TYPE) !== 0,
  };
  checkSizes(found);
  return found;
}

function checkFeatures(incompatible: number): void {
  const [refused] = REFUSED.filter(([bit]) => (incompatible & bit) !== 0);
  if (refused !== undefined) throw unreadableFileSystem(`has ${refused[1]}, which is not read here`);
  const unknown = incompatible & ~(KNOWN | NEEDS_RECOVERY);
  if (unknown !== 0)
    throw unreadableFileSystem(`has features that are not known (0x${(unknown >>> 0).toString(16)})`);
}

/** Bounds that keep all that is computed from them sane. */
function checkSizes({
  blocks,
  blockBytes,
  inodes,
  inodesPerGroup,
  inodeBytes,
  descriptorBytes,
}: Superblock): void {
  const isPowerOf2 = (value: number): boolean => (value & (value - 1)) === 0;
  const sane =
    blocks > 0 &&
    blocks < 2 ** 48 &&
    inodes > 0 &&
    inodesPerGroup > 0 &&
    inodesPerGroup <= blockBytes * 8 &&
    inodeBytes >= LEAST_INODE_BYTES &&
    inodeBytes <= blockBytes &&
    isPowerOf2(inodeBytes) &&
    descriptorBytes >= SHORT_DESCRIPTOR_BYTES &&
    descriptorBytes <= blockBytes &&
    isPowerOf2(descriptorBytes);
  if (!sane)
    throw brokenFileSystem(
      `has a superblock that cannot be right (inodes of ${inodeBytes} bytes, usually ${INODE_BYTES})`,
    );
}
