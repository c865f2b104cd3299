import type { Extent } from '../extents.ts';
import { brokenFileSystem } from './refusal.ts';

/** Of an extent tree's nodes (Documentation/filesystems/ext4/ifork.rst). */
const MAGIC = 0xf30a;
const HEADER_BYTES = 12;
const ENTRY_BYTES = 12;
/** As deep as the kernel lets a tree be. */
const MOST_DEPTH = 5;
/** An extent that is longer has room for the difference, and nothing in it yet. */
const MOST_WRITTEN = 32_768;

/**
 * The stretches of a file in order, whoever made them; those that were never written are left out. `readBlock` gets a block. Rejects with
 * `image_invalid`.
 */
export async function* readExtents(
  node: Buffer,
  readBlock: (block: number) => Promise<Buffer>,
  { most = MOST_DEPTH, from = 0 }: { readonly most?: number; readonly from?: number } = {},
): AsyncGenerator<Extent, number, void> {
  const [entries, depth] = [node.readUInt16LE(2), node.readUInt16LE(6)];
  if (node.readUInt16LE(0) !== MAGIC || depth > most || HEADER_BYTES + entries * ENTRY_BYTES > node.length)
    throw brokenFileSystem('has a file whose blocks cannot be found');
  let next = from;
  for (let at = 0; at < entries; at += 1) {
    const offset = HEADER_BYTES + at * ENTRY_BYTES;
    const logical = node.readUInt32LE(offset);
    // What goes back would have a small file take for ever to read.
    if (logical < next) throw brokenFileSystem('has a file whose blocks are out of order');
    if (depth > 0) {
      const block = node.readUInt32LE(offset + 4) + node.readUInt16LE(offset + 8) * 2 ** 32;
      next = yield* readExtents(await readBlock(block), readBlock, { most: depth - 1, from: logical });
      continue;
    }
    const length = node.readUInt16LE(offset + 4);
    const blocks = length > MOST_WRITTEN ? length - MOST_WRITTEN : length;
    next = logical + blocks;
    const physical = node.readUInt32LE(offset + 8) + node.readUInt16LE(offset + 6) * 2 ** 32;
    if (length <= MOST_WRITTEN) yield { logical, physical, blocks };
  }
  return next;
}
