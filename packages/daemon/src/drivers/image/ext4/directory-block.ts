import { crc32c } from './crc32c.ts';
import { BLOCK_BYTES } from './geometry.ts';
import { TYPE, TYPE_MASK } from './inode-store.ts';

/** Documentation/filesystems/ext4/directory.rst. */
const ENTRY_HEADER_BYTES = 8;
/** The end of a block with names looks like an unused entry and holds the checksum. */
const TAIL_BYTES = 12;
const TAIL_TYPE = 0xde;
/** Room for entries. */
export const LEAF_BYTES = BLOCK_BYTES - TAIL_BYTES;
/** The entries . and .. */
export const DOTS_BYTES = 24;

const ENTRY_TYPES = new Map<number, number>([
  [TYPE.file, 1],
  [TYPE.directory, 2],
  [TYPE.characterDevice, 3],
  [TYPE.blockDevice, 4],
  [TYPE.fifo, 5],
  [TYPE.socket, 6],
  [TYPE.symlink, 7],
]);

/** The type that an entry gives for an inode of this mode. */
export function entryType(mode: number): number {
  return ENTRY_TYPES.get(mode & TYPE_MASK) ?? 0;
}

/** Bytes of an entry, for a name of `length` bytes. */
export function entryBytes(length: number): number {
  return (ENTRY_HEADER_BYTES + length + 3) & ~3;
}

/** Writes an entry that reaches up to `end`. */
export function writeEntry(
  block: Buffer,
  offset: number,
  end: number,
  inode: number,
  type: number,
  name: Buffer,
): void {
  block.writeUInt32LE(inode, offset);
  block.writeUInt16LE(end - offset, offset + 4);
  block.writeUInt8(name.length, offset + 6);
  block.writeUInt8(type, offset + 7);
  name.copy(block, offset + ENTRY_HEADER_BYTES);
}

/** Writes . and .., the latter reaching up to `end`. */
export function writeDots(block: Buffer, directory: number, parent: number, end: number): void {
  const type = entryType(TYPE.directory);
  writeEntry(block, 0, DOTS_BYTES / 2, directory, type, DOT);
  writeEntry(block, DOTS_BYTES / 2, end, parent, type, DOT_DOT);
}

const DOT = Buffer.from('.');
const DOT_DOT = Buffer.from('..');

/** Ends a block of names with its checksum; `seed` is what the directory's checksums start from. */
export function sealLeaf(block: Buffer, seed: number): void {
  block.writeUInt16LE(TAIL_BYTES, LEAF_BYTES + 4);
  block.writeUInt8(TAIL_TYPE, LEAF_BYTES + 7);
  block.writeUInt32LE(crc32c(seed, block, 0, LEAF_BYTES), LEAF_BYTES + 8);
}

/** A block without names. */
export function emptyLeaf(seed: number): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  block.writeUInt16LE(LEAF_BYTES, 4);
  sealLeaf(block, seed);
  return block;
}
