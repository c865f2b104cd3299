import type { Hash } from 'node:crypto';

/** Passes on what is read of a file, and puts it into the hash; stops at the signal. */
export async function* hashed(
  source: AsyncIterable<Buffer>,
  hash: Hash,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  for await (const piece of source) {
    signal.throwIfAborted();
    hash.update(piece);
    yield piece;
  }
}
