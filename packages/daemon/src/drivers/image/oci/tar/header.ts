import { invalidImage, shownBytes } from '../invalid.ts';
import { parseNumber } from './number.ts';

/** All of an archive is in blocks of this. */
export const TAR_BLOCK_BYTES = 512;

/** A header block as it stands; extended headers before it may overrule most of it. */
export interface TarHeader {
  /** The type flag, a character; NUL, which old archives have for a file, as `0`. */
  readonly type: string;
  readonly name: Buffer;
  readonly linkName: Buffer;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly seconds: number;
  readonly major: number;
  readonly minor: number;
  /** True in GNU's format, in which a type of its own says that the file has holes. */
  readonly gnu: boolean;
}

/** Where fields lie and how long they are (tar(5)). */
const FIELD = {
  name: [0, 100],
  mode: [100, 8],
  uid: [108, 8],
  gid: [116, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  linkName: [157, 100],
  magic: [257, 8],
  major: [329, 8],
  minor: [337, 8],
  prefix: [345, 155],
  gnuAtime: [345, 12],
  starTrailer: [508, 4],
} as const;
/** In star's format times follow the prefix. */
const STAR_PREFIX_BYTES = 131;
const BLANK = 0x20;
const SLASH = Buffer.from('/');

/** Reads a header block; undefined for a block of zeros. Throws `image_invalid`. */
export function parseHeader(block: Buffer): TarHeader | undefined {
  const sum = parseChecksum(block);
  if (sum === undefined) return undefined;
  const magic = latin1(block, FIELD.magic);
  const gnu = magic === 'ustar  \0';
  // Some writers leave the version out.
  const posix = !gnu && magic.startsWith('ustar\0');
  const number = ([offset, length]: readonly [number, number], what: string): number =>
    parseNumber(block, offset, length, what);
  const flag = latin1(block, FIELD.type);
  const devices = gnu || posix;
  return {
    type: flag === '\0' ? '0' : flag,
    name: fullName(block, gnu, posix),
    linkName: text(block, FIELD.linkName),
    mode: number(FIELD.mode, 'mode'),
    uid: number(FIELD.uid, 'owner'),
    gid: number(FIELD.gid, 'group'),
    size: number(FIELD.size, 'size'),
    seconds: number(FIELD.mtime, 'time'),
    major: devices ? number(FIELD.major, 'device') : 0,
    minor: devices ? number(FIELD.minor, 'device') : 0,
    gnu,
  };
}

function fullName(block: Buffer, gnu: boolean, posix: boolean): Buffer {
  const name = text(block, FIELD.name);
  let prefix: Buffer | undefined;
  if (posix) {
    const star = latin1(block, FIELD.starTrailer) === 'tar\0';
    prefix = text(block, star ? [FIELD.prefix[0], STAR_PREFIX_BYTES] : FIELD.prefix);
  }
  if (gnu && misplacedPrefix(block)) prefix = text(block, FIELD.prefix);
  return prefix === undefined || prefix.length === 0 ? name : Buffer.concat([prefix, SLASH, name]);
}

/**
 * Go before 1.8 wrote the prefix into GNU headers, where times lie, and old images have such layers: what is there and is no time is one
 * (archive/tar, Reader.readHeader).
 */
function misplacedPrefix(block: Buffer): boolean {
  const time = latin1(block, FIELD.gnuAtime);
  return !/^[\0\x80-\xff]/.test(time) && !/^[ \0]*[0-7]*[ \0]*$/.test(time);
}

/** The checksum, undefined when the block is all zeros. Throws `image_invalid` when it is wrong. */
function parseChecksum(block: Buffer): number | undefined {
  const [offset, length] = FIELD.checksum;
  let unsigned = 0;
  let high = 0;
  for (let at = 0; at < TAR_BLOCK_BYTES; at += 1) {
    const byte = at >= offset && at < offset + length ? BLANK : (block[at] ?? 0);
    unsigned += byte;
    high += byte >>> 7;
  }
  if (unsigned === BLANK * length && block.every((byte) => byte === 0)) return undefined;
  const field = /^[ \0]*([0-7]+)[ \0]/.exec(latin1(block, [offset, length + 1]))?.[1];
  const sum = field === undefined ? -1 : Number.parseInt(field, 8);
  // Some old writers added up signed bytes.
  if (sum !== unsigned && sum !== unsigned - 256 * high)
    throw invalidImage(
      `An archive is damaged, or no archive: "${shownBytes(text(block, FIELD.name))}" has a wrong checksum.`,
    );
  return sum;
}

/** A field up to its NUL, copied. */
function text(block: Buffer, [offset, length]: readonly [number, number]): Buffer {
  const end = block.indexOf(0, offset);
  const stop = end === -1 || end > offset + length ? offset + length : end;
  return Buffer.from(block.subarray(offset, stop));
}

function latin1(block: Buffer, [offset, length]: readonly [number, number]): string {
  return block.toString('latin1', offset, offset + length);
}
