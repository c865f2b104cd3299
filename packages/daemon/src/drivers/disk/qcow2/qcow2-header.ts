import type { FileHandle } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { damaged } from './qemu-img.ts';

/** Where things stand in a qcow2 file's header, whose numbers are big-endian: QEMU's `docs/interop/qcow2.txt`. */
const MAGIC = Buffer.from('QFI\xfb', 'latin1');
const VERSION_AT = 4;
const BASE_AT = 8;
const BASE_BYTES_AT = 16;
const SIZE_AT = 24;
/** Of version 2. */
const HEADER_BYTES = 72;
/** From version 3 on: the features that a program must know to use the file. */
const FEATURES_AT = 72;
const FEATURES_BYTES = 8;
const CORRUPT_FEATURE = 2n;
/** The name of a base stands in the first cluster, which has no more than that. */
const MOST_CLUSTER_BYTES = 2 * 1024 ** 2;
/** QEMU takes no longer name of a base. */
const MOST_BASE_BYTES = 1023;

/** What a qcow2 file says of itself. It is written by QEMU: its guest sees only the content. */
export interface Qcow2Header {
  /** Bytes that the guest sees. */
  readonly virtualBytes: number;
  /** Absolute path of the base; undefined when it has none. */
  readonly base: string | undefined;
  /** QEMU found it inconsistent once and marked it. */
  readonly corrupt: boolean;
}

/** Reads the header of the file at `path`. Rejects with `file_damaged` when it has none; all else of the file may be as it wants. */
export async function qcow2Header(file: FileHandle, path: string): Promise<Qcow2Header> {
  const bytes = (at: number, length: number): Promise<Buffer> => wholePiece(file, path, at, length);
  const header = await bytes(0, HEADER_BYTES);
  if (!header.subarray(0, MAGIC.length).equals(MAGIC)) throw damaged(path, 'it is no qcow2 file');
  const baseAt = Number(header.readBigUInt64BE(BASE_AT));
  const baseBytes = header.readUInt32BE(BASE_BYTES_AT);
  if (baseAt > MOST_CLUSTER_BYTES || baseBytes > MOST_BASE_BYTES)
    throw damaged(path, 'the name of its image is not where it belongs');
  // Of a file in the same directory it may be no more than a name.
  const base = baseAt === 0 ? undefined : resolve(dirname(path), (await bytes(baseAt, baseBytes)).toString());
  const hasFeatures = header.readUInt32BE(VERSION_AT) > 2;
  const features = hasFeatures ? (await bytes(FEATURES_AT, FEATURES_BYTES)).readBigUInt64BE() : 0n;
  return {
    virtualBytes: Number(header.readBigUInt64BE(SIZE_AT)),
    base,
    corrupt: (features & CORRUPT_FEATURE) !== 0n,
  };
}

async function wholePiece(file: FileHandle, path: string, at: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at);
  if (bytesRead < length) throw damaged(path, 'it is cut short');
  return buffer;
}
