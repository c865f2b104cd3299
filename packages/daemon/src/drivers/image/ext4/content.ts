import { BangerError } from '@banger/contract/error';
import type { BlockSink } from './block-sink.ts';
import type { ExtentList } from './extents.ts';
import { BLOCK_BYTES } from './geometry.ts';
import { shownPath } from './path.ts';

/** What a file holds, in pieces of any length. */
export type Chunks = AsyncIterable<Buffer> | Iterable<Buffer>;

const ZEROS = Buffer.alloc(BLOCK_BYTES);

/**
 * Writes the content of a file and adds its blocks to `extents`; blocks of zeros are left out. Asks for the next piece only when there is
 * room for it. Rejects with `invalid_argument` when it is not `size` bytes.
 */
export async function writeContent(
  sink: BlockSink,
  extents: ExtentList,
  path: Buffer,
  size: number,
  chunks: Chunks,
): Promise<void> {
  let taken = 0;
  for await (const chunk of chunks) {
    if (taken + chunk.length > size) throw wrongSize(path, size, 'more');
    for (let from = 0; from < chunk.length;) {
      if (sink.full) await sink.room();
      const within = taken % BLOCK_BYTES;
      const piece = Math.min(BLOCK_BYTES - within, chunk.length - from);
      chunk.copy(sink.buffer, sink.offset + within, from, from + piece);
      from += piece;
      taken += piece;
      if (within + piece === BLOCK_BYTES) endBlock(sink, extents, taken / BLOCK_BYTES - 1);
    }
  }
  if (taken < size) throw wrongSize(path, size, 'less');
  const within = taken % BLOCK_BYTES;
  if (within === 0) return;
  sink.buffer.fill(0, sink.offset + within, sink.offset + BLOCK_BYTES);
  endBlock(sink, extents, Math.floor(taken / BLOCK_BYTES));
}

function endBlock(sink: BlockSink, extents: ExtentList, logical: number): void {
  const { buffer, offset } = sink;
  const hole =
    buffer[offset] === 0 && buffer.compare(ZEROS, 0, BLOCK_BYTES, offset, offset + BLOCK_BYTES) === 0;
  if (!hole) extents.add(logical, sink.take());
}

function wrongSize(path: Buffer, size: number, what: string): BangerError {
  return new BangerError(
    'invalid_argument',
    `The file ${shownPath(path)} holds ${what} than its ${size} bytes.`,
  );
}
