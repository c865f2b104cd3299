import { crc32c, crc32cOfNumber } from './crc32c.ts';
import { INODE_BYTES, blocksFor } from './geometry.ts';
import { CONTENT, FLAG, MAP_BYTES, type InodeStore } from './inode-store.ts';
import { writeExtentHeader, writeSingleExtent } from './extents.ts';
import { diskTime, type DiskTime, type Timestamp } from './time.ts';
import { XATTR_INLINE_OFFSET } from './xattr-entries.ts';

/** The part of an inode beyond the first 128 bytes that is in use (i_extra_isize); behind it there is room for xattrs. */
export const EXTRA_BYTES = 32;
/** i_blocks counts in 512 bytes whatever the block is. */
const SECTORS_PER_BLOCK = 8;
/** What was fit for the 8 bits each that a device number had once is stored in the old way (fs/ext4/inode.c, old_valid_dev). */
const OLD_DEVICE_LIMIT = 256;

/** Where fields lie (Documentation/filesystems/ext4/inodes.rst). */
const AT = {
  mode: 0x00,
  uid: 0x02,
  size: 0x04,
  accessed: 0x08,
  changed: 0x0c,
  modified: 0x10,
  gid: 0x18,
  links: 0x1a,
  sectors: 0x1c,
  flags: 0x20,
  version: 0x24,
  map: 0x28,
  xattrBlock: 0x68,
  sizeHigh: 0x6c,
  sectorsHigh: 0x74,
  uidHigh: 0x78,
  gidHigh: 0x7a,
  checksum: 0x7c,
  extraBytes: 0x80,
  checksumHigh: 0x82,
  changedExtra: 0x84,
  modifiedExtra: 0x88,
  accessedExtra: 0x8c,
  created: 0x90,
  createdExtra: 0x94,
} as const;

/** What all inodes of a file system have in common. */
export interface InodeContext {
  readonly store: InodeStore;
  /** Change and creation time of what has none of its own. */
  readonly now: Timestamp;
  readonly checksumSeed: number;
}

/** Encodes an inode into `target`, whose bytes there are zeros. A reserved one that nothing was set for stays all zeros. */
export function encodeInode(target: Buffer, offset: number, number: number, context: InodeContext): void {
  const { store } = context;
  const mode = store.mode(number);
  if (mode === 0) return;
  const at = target.subarray(offset, offset + INODE_BYTES);
  const [uid, gid, size] = [store.uid(number), store.gid(number), store.size(number)];
  at.writeUInt16LE(mode, AT.mode);
  at.writeUInt16LE(uid & 0xffff, AT.uid);
  at.writeUInt16LE(uid >>> 16, AT.uidHigh);
  at.writeUInt16LE(gid & 0xffff, AT.gid);
  at.writeUInt16LE(gid >>> 16, AT.gidHigh);
  at.writeUInt32LE(size % 2 ** 32, AT.size);
  at.writeUInt32LE(Math.floor(size / 2 ** 32), AT.sizeHigh);
  at.writeUInt16LE(store.links(number), AT.links);
  at.writeUInt32LE(store.flags(number), AT.flags);
  at.writeUInt16LE(EXTRA_BYTES, AT.extraBytes);
  encodeTimes(at, number, context);
  let blocks = encodeContent(at, number, store);
  const xattrs = store.xattrs(number);
  if (xattrs !== undefined) {
    xattrs.inline.copy(at, XATTR_INLINE_OFFSET);
    at.writeUInt32LE(xattrs.block, AT.xattrBlock);
    blocks += xattrs.blocks;
  }
  const sectors = blocks * SECTORS_PER_BLOCK;
  at.writeUInt32LE(sectors % 2 ** 32, AT.sectors);
  at.writeUInt16LE(Math.floor(sectors / 2 ** 32), AT.sectorsHigh);
  // An inode that holds the value of an xattr keeps there how many refer to it; each has one.
  if ((store.flags(number) & FLAG.xattrValue) !== 0) at.writeUInt32LE(1, AT.version);
  const checksum = crc32c(inodeChecksumSeed(context.checksumSeed, number), at);
  at.writeUInt16LE(checksum & 0xffff, AT.checksum);
  at.writeUInt16LE(checksum >>> 16, AT.checksumHigh);
}

/** What the checksums of an inode and of its blocks start from: its number and its generation, which is 0. */
export function inodeChecksumSeed(checksumSeed: number, number: number): number {
  return crc32cOfNumber(crc32cOfNumber(checksumSeed, number), 0);
}

function encodeTimes(at: Buffer, number: number, { store, now }: InodeContext): void {
  const modified = store.modified(number);
  const [accessed, changed, created] = store.times(number) ?? [modified, diskTime(now), diskTime(now)];
  const write = (time: DiskTime, low: number, extra: number): void => {
    at.writeInt32LE(time.seconds, low);
    at.writeUInt32LE(time.extra, extra);
  };
  write(accessed, AT.accessed, AT.accessedExtra);
  write(changed, AT.changed, AT.changedExtra);
  write(modified, AT.modified, AT.modifiedExtra);
  write(created, AT.created, AT.createdExtra);
}

/** Writes i_block and gives the blocks that the content takes. */
function encodeContent(at: Buffer, number: number, store: InodeStore): number {
  const map = at.subarray(AT.map, AT.map + MAP_BYTES);
  const data = store.data(number);
  const kind = store.kind(number);
  switch (kind) {
    case CONTENT.none:
      if ((store.flags(number) & FLAG.extents) !== 0) writeExtentHeader(map, 0, 0);
      return 0;
    case CONTENT.extent: {
      const blocks = blocksFor(store.size(number));
      writeSingleExtent(map, data, blocks);
      return blocks;
    }
    case CONTENT.map: {
      const piece = store.pool.get(data, MAP_BYTES + 4);
      piece.copy(map, 0, 0, MAP_BYTES);
      return piece.readUInt32LE(MAP_BYTES);
    }
    case CONTENT.inline:
      store.pool.get(data, store.size(number)).copy(map);
      return 0;
    case CONTENT.device:
      encodeDevice(map, data >>> 20, data & 0xfffff);
      return 0;
  }
}

function encodeDevice(map: Buffer, major: number, minor: number): void {
  if (major < OLD_DEVICE_LIMIT && minor < OLD_DEVICE_LIMIT) map.writeUInt32LE((major << 8) | minor, 0);
  else map.writeUInt32LE(((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)) >>> 0, 4);
}
