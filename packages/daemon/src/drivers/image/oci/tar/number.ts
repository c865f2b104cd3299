import { invalidImage, shownBytes } from '../invalid.ts';

const SPACE = 0x20;
const ZERO = 0x30;
const SEVEN = 0x37;
/** The first byte of a number that is binary, not octal: GNU's way to write what has no room in octal digits. */
const BINARY = 0x80;

/** A number field of a header: octal digits, or binary and big-endian. Nothing but blanks is 0. Throws `image_invalid`. */
export function parseNumber(block: Buffer, offset: number, length: number, what: string): number {
  if (((block[offset] ?? 0) & BINARY) !== 0)
    return parseBinary(block.subarray(offset, offset + length), what);
  let at = offset;
  let end = offset + length;
  const blank = (byte: number | undefined): boolean => byte === SPACE || byte === 0;
  while (at < end && blank(block[at])) at += 1;
  while (end > at && blank(block[end - 1])) end -= 1;
  let value = 0;
  for (; at < end; at += 1) {
    const digit = block[at] ?? 0;
    // What follows a NUL is left over from an earlier use of the buffer.
    if (digit === 0) break;
    if (digit < ZERO || digit > SEVEN) throw bad(block.subarray(offset, offset + length), what);
    value = value * 8 + digit - ZERO;
  }
  // Twelve digits are 36 bits: they fit.
  return value;
}

function parseBinary(field: Buffer, what: string): number {
  const bits = field.length * 8 - 1;
  const value = Number(BigInt.asIntN(bits, BigInt(`0x${field.toString('hex')}`)));
  if (!Number.isSafeInteger(value)) throw bad(field, what);
  return value;
}

/** A whole number as a PAX record has it: decimal. Throws `image_invalid`. */
export function parseDecimal(bytes: Buffer, what: string): number {
  const text = bytes.toString('latin1');
  const value = Number(text);
  if (!/^-?\d{1,40}$/.test(text) || !Number.isSafeInteger(value)) throw bad(bytes, what);
  return value;
}

function bad(field: Buffer, what: string): Error {
  return invalidImage(`An archive has the ${what} "${shownBytes(field)}", which is no number that can be.`);
}
