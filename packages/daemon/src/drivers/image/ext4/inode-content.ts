import { encodeExtentTree, type ExtentList } from './extents.ts';
import { blocksFor } from './geometry.ts';
import { inodeChecksumSeed } from './inode.ts';
import { CONTENT, MAP_BYTES, type InodeStore } from './inode-store.ts';

/** Gives an inode its blocks, in the simplest form that they have. `writeBlock` stores the parts of a tree that do not fit into the inode. */
export async function assignExtents(
  store: InodeStore,
  inode: number,
  extents: ExtentList,
  size: number,
  checksumSeed: number,
  writeBlock: (block: Buffer) => Promise<number>,
): Promise<void> {
  if (extents.count === 0) {
    store.setContent(inode, CONTENT.none, 0, size);
    return;
  }
  if (extents.count === 1 && extents.logical(0) === 0 && extents.blocks === blocksFor(size)) {
    store.setContent(inode, CONTENT.extent, extents.physical(0), size);
    return;
  }
  const map = Buffer.alloc(MAP_BYTES);
  const tree = await encodeExtentTree(map, extents, inodeChecksumSeed(checksumSeed, inode), writeBlock);
  assignMap(store, inode, map, extents.blocks + tree, size);
}

/** Gives an inode an i_block that no simpler form stands for, of so many blocks. */
export function assignMap(store: InodeStore, inode: number, map: Buffer, blocks: number, size: number): void {
  const piece = Buffer.alloc(MAP_BYTES + 4);
  map.copy(piece);
  piece.writeUInt32LE(blocks, MAP_BYTES);
  store.setContent(inode, CONTENT.map, store.pool.add(piece), size);
}
