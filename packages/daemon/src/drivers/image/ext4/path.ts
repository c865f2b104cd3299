import { BangerError } from '@banger/contract/error';

/** Bytes of a name in a directory (EXT4_NAME_LEN). */
const MAX_NAME_BYTES = 255;
/** PATH_MAX without its NUL: no program can name what lies deeper in one go, and it bounds what a hostile path costs. */
const MAX_PATH_BYTES = 4095;
const SLASH = 0x2f;
const DOT = 0x2e;

/**
 * Checks a path of the file system that is written: names that ext4 allows, with single slashes between them. Throws `invalid_argument`.
 * The empty path is the root directory.
 */
export function checkPath(path: Buffer): void {
  if (path.length === 0) return;
  if (path.length > MAX_PATH_BYTES)
    throw bad(path, `is longer than ${MAX_PATH_BYTES} bytes, which Linux cannot open`);
  if (path.includes(0)) throw bad(path, 'has a NUL in it');
  let from = 0;
  while (from <= path.length) {
    const to = nameEnd(path, from);
    const length = to - from;
    if (length === 0)
      throw bad(path, 'has an empty name in it; it must have neither a leading nor a doubled slash');
    if (length > MAX_NAME_BYTES)
      throw bad(path, `has a name of ${length} bytes; the most is ${MAX_NAME_BYTES}`);
    if (path[from] === DOT && (length === 1 || (length === 2 && path[from + 1] === DOT)))
      throw bad(path, 'has the name . or .. in it');
    from = to + 1;
  }
}

/** Where the name ends that starts at `from`. */
export function nameEnd(path: Buffer, from: number): number {
  const slash = path.indexOf(SLASH, from);
  return slash === -1 ? path.length : slash;
}

/** Where the last name of a path starts. */
export function lastName(path: Buffer): number {
  return path.lastIndexOf(SLASH) + 1;
}

/** A path for a person: what is no printable ASCII is escaped, and a long one is cut in the middle. */
export function shownPath(path: Buffer): string {
  const limit = 200;
  const half = limit / 2;
  const text = path.length > limit ? [path.subarray(0, half), path.subarray(-half)] : [path];
  return `/${text.map((part) => escaped(part)).join('…')}`;
}

function escaped(bytes: Buffer): string {
  return bytes
    .toString('latin1')
    .replace(/[^ -[\]-~]/g, (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

function bad(path: Buffer, what: string): BangerError {
  return new BangerError('invalid_argument', `The path ${shownPath(path)} ${what}.`);
}
