import { BLOCK_BYTES, INODE_BYTES } from './geometry.ts';

/** Documentation/filesystems/ext4/attributes.rst. */
const MAGIC = 0xea020000;
const ENTRY_BYTES = 16;
/** Names and values start at multiples of this. */
const ALIGNMENT = 4;
/** Four zero bytes end the entries. */
const END_BYTES = 4;
const BLOCK_HEADER_BYTES = 32;
const NAME_SHIFT = 5;
const VALUE_SHIFT = 16;

/** Where xattrs start in an inode: a magic number, then the entries. */
export const XATTR_INLINE_OFFSET = 160;
const INLINE_BYTES = INODE_BYTES - XATTR_INLINE_OFFSET;
const INLINE_MAGIC_BYTES = 4;

/** Room for entries and values. */
export const INLINE_ROOM = INLINE_BYTES - INLINE_MAGIC_BYTES - END_BYTES;
export const BLOCK_ROOM = BLOCK_BYTES - BLOCK_HEADER_BYTES - END_BYTES;

/** An xattr as it is stored. */
export interface XattrEntry {
  /** What the prefix of its name became. */
  readonly index: number;
  /** The rest of its name. */
  readonly name: Buffer;
  readonly value: Buffer;
  /** The inode that holds the value, and the hash of the value that it keeps, when the value is too large to lie here. */
  readonly elsewhere?: { readonly inode: number; readonly hash: number };
}

/** Bytes that an entry takes with its value. */
export function entryBytes(entry: XattrEntry): number {
  return aligned(ENTRY_BYTES + entry.name.length) + (entry.elsewhere ? 0 : aligned(entry.value.length));
}

/** The part of an inode that holds xattrs. */
export function encodeInline(entries: readonly XattrEntry[]): Buffer {
  const bytes = Buffer.alloc(INLINE_BYTES);
  bytes.writeUInt32LE(MAGIC);
  encodeEntries(bytes, INLINE_MAGIC_BYTES, INLINE_MAGIC_BYTES, entries, false);
  return bytes;
}

/** A block of xattrs, all but its checksum. Its entries must be sorted by `compareEntries`. */
export function encodeBlock(entries: readonly XattrEntry[]): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  block.writeUInt32LE(MAGIC, 0x00);
  block.writeUInt32LE(1, 0x04); // One inode refers to it.
  block.writeUInt32LE(1, 0x08); // It is one block.
  const hashes = encodeEntries(block, BLOCK_HEADER_BYTES, 0, entries, true);
  const all = hashes.reduce((sum, hash) => turned(sum, VALUE_SHIFT) ^ hash, 0);
  block.writeUInt32LE(hashes.includes(0) ? 0 : all >>> 0, 0x0c);
  return block;
}

/** Where the checksum of a block goes. */
export const XATTR_BLOCK_CHECKSUM_OFFSET = 0x10;

/** The order in a block: by index, length of name, name. */
export function compareEntries(one: XattrEntry, other: XattrEntry): number {
  return one.index - other.index || one.name.length - other.name.length || one.name.compare(other.name);
}

/**
 * Writes entries from `start` on and their values from the end down; offsets of values count from `base`. Gives the hashes of the entries.
 * Those in an inode have none, unless their value is elsewhere, as libext2fs writes them.
 */
function encodeEntries(
  bytes: Buffer,
  start: number,
  base: number,
  entries: readonly XattrEntry[],
  hashed: boolean,
): number[] {
  let at = start;
  let end = bytes.length;
  return entries.map((entry) => {
    const { index, name, value, elsewhere } = entry;
    bytes.writeUInt8(name.length, at);
    bytes.writeUInt8(index, at + 1);
    if (elsewhere === undefined && value.length > 0) {
      end -= aligned(value.length);
      value.copy(bytes, end);
      bytes.writeUInt16LE(end - base, at + 2);
    }
    bytes.writeUInt32LE(elsewhere?.inode ?? 0, at + 4);
    bytes.writeUInt32LE(value.length, at + 8);
    const hash = hashed || elsewhere !== undefined ? entryHash(entry) : 0;
    bytes.writeUInt32LE(hash, at + 12);
    name.copy(bytes, at + ENTRY_BYTES);
    at += aligned(ENTRY_BYTES + name.length);
    return hash;
  });
}

/** An xattr as it lies in an inode or a block: what its value is, or which inode holds it. */
export type StoredXattr = Pick<XattrEntry, 'index' | 'name'> &
  ({ readonly value: Buffer } | { readonly inode: number });

/** What `encodeInline` made of entries. */
export function decodeInline(inline: Buffer): StoredXattr[] {
  return inline.length === 0 ? [] : decodeEntries(inline, INLINE_MAGIC_BYTES, INLINE_MAGIC_BYTES);
}

/** What `encodeBlock` made of entries. */
export function decodeBlock(block: Buffer): StoredXattr[] {
  return decodeEntries(block, BLOCK_HEADER_BYTES, 0);
}

function decodeEntries(bytes: Buffer, start: number, base: number): StoredXattr[] {
  const found: StoredXattr[] = [];
  for (let at = start; bytes.readUInt32LE(at) !== 0;) {
    const index = bytes.readUInt8(at + 1);
    const name = bytes.subarray(at + ENTRY_BYTES, at + ENTRY_BYTES + bytes.readUInt8(at));
    const [from, inode] = [base + bytes.readUInt16LE(at + 2), bytes.readUInt32LE(at + 4)];
    const length = bytes.readUInt32LE(at + 8);
    found.push(
      inode === 0 ? { index, name, value: bytes.subarray(from, from + length) } : { index, name, inode },
    );
    at += aligned(ENTRY_BYTES + name.length);
  }
  return found;
}

function entryHash({ name, value, elsewhere }: XattrEntry): number {
  let hash = 0;
  for (const byte of name) hash = turned(hash, NAME_SHIFT) ^ byte;
  if (elsewhere !== undefined) return (turned(hash, VALUE_SHIFT) ^ elsewhere.hash) >>> 0;
  const padded = Buffer.alloc(aligned(value.length));
  value.copy(padded);
  for (let at = 0; at < padded.length; at += 4) hash = turned(hash, VALUE_SHIFT) ^ padded.readInt32LE(at);
  return hash >>> 0;
}

function turned(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}
