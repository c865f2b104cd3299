import type { BlockSink } from './block-sink.ts';
import { crc32c } from './crc32c.ts';
import { ExtentList } from './extents.ts';
import { BLOCK_BYTES, blocksFor } from './geometry.ts';
import { assignExtents } from './inode-content.ts';
import { FLAG, TYPE, type InodeStore } from './inode-store.ts';
import { diskTime, type Timestamp } from './time.ts';
import { XATTR_BLOCK_CHECKSUM_OFFSET, type XattrEntry } from './xattr-entries.ts';
import { diskXattrs, placeXattrs, type Xattr } from './xattrs.ts';

/** Where xattrs are stored. */
export interface XattrStorage {
  readonly store: InodeStore;
  readonly sink: BlockSink;
  readonly checksumSeed: number;
  readonly now: Timestamp;
}

/** Stores the xattrs of an inode. Rejects with `invalid_argument` for those that ext4 cannot have. */
export async function storeXattrs(
  storage: XattrStorage,
  path: Buffer,
  inode: number,
  xattrs: readonly Xattr[],
): Promise<void> {
  let blocks = 0;
  const { inline, block } = await placeXattrs(path, diskXattrs(path, xattrs), async (entry) => {
    // An inode counts the blocks of its values as its own.
    blocks += blocksFor(entry.value.length);
    return { ...entry, elsewhere: await storeValue(storage, entry) };
  });
  if (block !== undefined) blocks += 1;
  const number = block === undefined ? 0 : await addXattrBlock(storage, block);
  storage.store.setXattrs(inode, { inline, block: number, blocks });
}

/** Its checksum covers the number of the block, which is known only when it was taken. */
async function addXattrBlock({ sink, checksumSeed }: XattrStorage, block: Buffer): Promise<number> {
  await sink.room();
  const { buffer, offset } = sink;
  block.copy(buffer, offset);
  const number = sink.take();
  const head = Buffer.alloc(8);
  head.writeBigUInt64LE(BigInt(number));
  const checksum = crc32c(crc32c(checksumSeed, head), block);
  buffer.writeUInt32LE(checksum, offset + XATTR_BLOCK_CHECKSUM_OFFSET);
  return number;
}

/**
 * Keeps the value of an xattr in an inode of its own (feature ea_inode, Documentation/filesystems/ext4/attributes.rst): its access time is the
 * hash of the value, its change time the upper half of the count of references.
 */
async function storeValue(
  storage: XattrStorage,
  { value }: XattrEntry,
): Promise<{ readonly inode: number; readonly hash: number }> {
  const { store, sink, checksumSeed, now } = storage;
  const inode = store.add({ mode: TYPE.file | 0o600, uid: 0, gid: 0, modified: now });
  const hash = crc32c(checksumSeed, value);
  store.setTimes(inode, [{ seconds: hash | 0, extra: 0 }, { seconds: 0, extra: 0 }, diskTime(now)]);
  store.addFlags(inode, FLAG.extents | FLAG.xattrValue);
  const extents = new ExtentList();
  for (let from = 0; from < value.length; from += BLOCK_BYTES) {
    const block = Buffer.alloc(BLOCK_BYTES);
    value.copy(block, 0, from);
    // Also blocks of zeros: the kernel takes a hole in a value for damage.
    extents.add(extents.blocks, await sink.add(block));
  }
  await assignExtents(store, inode, extents, value.length, checksumSeed, async (tree) => sink.add(tree));
  return { inode, hash };
}
