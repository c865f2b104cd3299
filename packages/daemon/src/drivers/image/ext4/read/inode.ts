import { MAP_BYTES } from '../inode-store.ts';
import type { DiskTime } from '../time.ts';

/** Bytes of an inode before its extra fields. */
const BASE_BYTES = 128;
/** Ends of the extra fields, from the start of the inode: what lies behind is not there. */
const EXTRA = { changed: 0x88, modified: 0x8c, accessed: 0x90, created: 0x98 } as const;

/** An inode as it lies on disk (Documentation/filesystems/ext4/inodes.rst). */
export interface DiskInode {
  /** Type and permissions. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly links: number;
  readonly flags: number;
  /** i_block: 60 bytes. */
  readonly map: Buffer;
  readonly xattrBlock: number;
  /** What of the inode lies behind its fields: xattrs, where it begins with their magic number. */
  readonly tail: Buffer;
  readonly modified: DiskTime;
  readonly accessed: DiskTime;
  readonly changed: DiskTime;
  readonly created: DiskTime | undefined;
}

/** Reads an inode, of which it keeps nothing. */
export function decodeInode(bytes: Buffer): DiskInode {
  const extra = bytes.length > BASE_BYTES ? bytes.readUInt16LE(0x80) : 0;
  const end = Math.min(BASE_BYTES + extra, bytes.length);
  const time = (at: number, extraEnd: number): DiskTime => ({
    seconds: bytes.readInt32LE(at),
    extra: extraEnd <= end ? bytes.readUInt32LE(extraEnd - 4) : 0,
  });
  return {
    mode: bytes.readUInt16LE(0x00),
    uid: bytes.readUInt16LE(0x02) + bytes.readUInt16LE(0x78) * 2 ** 16,
    gid: bytes.readUInt16LE(0x18) + bytes.readUInt16LE(0x7a) * 2 ** 16,
    size: bytes.readUInt32LE(0x04) + bytes.readUInt32LE(0x6c) * 2 ** 32,
    links: bytes.readUInt16LE(0x1a),
    flags: bytes.readUInt32LE(0x20),
    map: Buffer.from(bytes.subarray(0x28, 0x28 + MAP_BYTES)),
    xattrBlock: bytes.readUInt32LE(0x68) + bytes.readUInt16LE(0x76) * 2 ** 32,
    tail: Buffer.from(bytes.subarray(end)),
    accessed: time(0x08, EXTRA.accessed),
    changed: time(0x0c, EXTRA.changed),
    modified: time(0x10, EXTRA.modified),
    created: EXTRA.created <= end ? time(0x90, EXTRA.created) : undefined,
  };
}
