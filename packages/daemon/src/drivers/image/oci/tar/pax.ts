import type { Timestamp } from '../../ext4/time.ts';
import type { Xattr } from '../../ext4/xattrs.ts';
import { invalidImage, shownBytes } from '../invalid.ts';
import { parseDecimal } from './number.ts';
import { parsePaxTime } from './pax-time.ts';
import { addPaxXattr } from './pax-xattr.ts';

const SPACE = 0x20;
const EQUALS = 0x3d;
const NEWLINE = 0x0a;
/** Digits of a record's length: more than any header has room for. */
const MAX_LENGTH_DIGITS = 10;

/** What an extended header says of the entry behind it (POSIX.1-2001 pax, "Extended Header Keyword Precedence"). */
export interface PaxHeader {
  path?: Buffer;
  linkPath?: Buffer;
  size?: number;
  uid?: number;
  gid?: number;
  modified?: Timestamp;
  accessed?: Timestamp;
  readonly xattrs: Xattr[];
  /** Values by keyword without `GNU.sparse.`, in order: some keywords come many times. */
  readonly sparse: (readonly [string, Buffer])[];
}

export const NO_PAX_HEADER: PaxHeader = { xattrs: [], sparse: [] };

const SPARSE = 'GNU.sparse.';

/** Reads the records of an extended header. Keeps nothing of `bytes`. Throws `image_invalid`. */
export function parsePax(bytes: Buffer): PaxHeader {
  const header: PaxHeader = { xattrs: [], sparse: [] };
  for (const [key, value] of records(bytes)) {
    // An empty value takes back what was said for all entries, which is not heeded here. An xattr may well be empty.
    if (value.length === 0 && !key.includes('.xattr.')) continue;
    applyRecord(header, key, value);
  }
  return header;
}

function applyRecord(header: PaxHeader, key: string, value: Buffer): void {
  switch (key) {
    case 'path':
      header.path = nameOf(value);
      return;
    case 'linkpath':
      header.linkPath = nameOf(value);
      return;
    case 'size':
      header.size = parseDecimal(value, 'size');
      return;
    case 'uid':
      header.uid = parseDecimal(value, 'owner');
      return;
    case 'gid':
      header.gid = parseDecimal(value, 'group');
      return;
    case 'mtime':
      header.modified = parsePaxTime(value);
      return;
    case 'atime':
      header.accessed = parsePaxTime(value);
      return;
    default:
      if (key.startsWith(SPARSE)) header.sparse.push([key.slice(SPARSE.length), Buffer.from(value)]);
      else addPaxXattr(header.xattrs, key, value);
  }
}

/** Each record is its own length in decimal, a space, keyword, `=`, value and a newline. */
function* records(bytes: Buffer): Generator<readonly [string, Buffer]> {
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(SPACE, at);
    const digits = bytes.subarray(at, space === -1 ? at : Math.min(space, at + MAX_LENGTH_DIGITS));
    const end = at + (/^\d+$/.test(digits.toString('latin1')) ? Number(digits.toString('latin1')) : 0);
    const equals = bytes.indexOf(EQUALS, space);
    const whole = end > space && end <= bytes.length && bytes[end - 1] === NEWLINE;
    if (!whole || space === -1 || equals <= space + 1 || equals >= end - 1)
      throw invalidImage(
        `An archive has a damaged extended header: "${shownBytes(bytes.subarray(at, at + 40))}".`,
      );
    const key = bytes.toString('latin1', space + 1, equals);
    if (key.includes('\0')) throw invalidImage('An archive has a keyword with a NUL in an extended header.');
    yield [key, bytes.subarray(equals + 1, end - 1)];
    at = end;
  }
}

function nameOf(value: Buffer): Buffer {
  if (value.includes(0))
    throw invalidImage(`An archive has the name "${shownBytes(value)}", with a NUL in it.`);
  return Buffer.from(value);
}
