/** The Castagnoli polynomial, bits reversed (RFC 3720, B.4). */
const POLYNOMIAL = 0x82f63b78;
/** Bytes that are taken at once. */
const SLICES = 8;

/** Entry `slice * 256 + byte` tells what a byte does to the sum `slice` bytes further on. */
const table = makeTable();

function makeTable(): Int32Array {
  const entries = new Int32Array(SLICES * 256);
  for (let byte = 0; byte < 256; byte += 1) {
    let sum = byte;
    for (let bit = 0; bit < 8; bit += 1) sum = (sum >>> 1) ^ (sum & 1 ? POLYNOMIAL : 0);
    entries[byte] = sum;
  }
  for (let at = 256; at < entries.length; at += 1) {
    const before = entries[at - 256] ?? 0;
    entries[at] = (before >>> 8) ^ (entries[before & 255] ?? 0);
  }
  return entries;
}

/**
 * Goes on with a CRC-32C over `bytes` from `from` to `to`, as ext4 uses it: without the inversions at the start and at the end. The sum of
 * nothing is whatever went in; whole checksums start with `CRC32C_START`.
 */
export function crc32c(sum: number, bytes: Buffer, from = 0, to = bytes.length): number {
  const t = table;
  let at = from;
  let crc = sum | 0;
  for (; at + SLICES <= to; at += SLICES) {
    const low = bytes.readInt32LE(at) ^ crc;
    const high = bytes.readInt32LE(at + 4);
    crc =
      (t[0x700 | (low & 255)] ?? 0) ^
      (t[0x600 | ((low >>> 8) & 255)] ?? 0) ^
      (t[0x500 | ((low >>> 16) & 255)] ?? 0) ^
      (t[0x400 | (low >>> 24)] ?? 0) ^
      (t[0x300 | (high & 255)] ?? 0) ^
      (t[0x200 | ((high >>> 8) & 255)] ?? 0) ^
      (t[0x100 | ((high >>> 16) & 255)] ?? 0) ^
      (t[high >>> 24] ?? 0);
  }
  for (; at < to; at += 1) crc = (crc >>> 8) ^ (t[(crc ^ (bytes[at] ?? 0)) & 255] ?? 0);
  return crc >>> 0;
}

export const CRC32C_START = 0xffffffff;

/** The sum over a number of 32 bits, as checksums of ext4 begin with an inode or a group. */
export function crc32cOfNumber(sum: number, value: number): number {
  scratch.writeUInt32LE(value);
  return crc32c(sum, scratch);
}

const scratch = Buffer.alloc(4);
