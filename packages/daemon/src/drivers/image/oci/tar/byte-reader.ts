import { invalidImage } from '../invalid.ts';

/** Bytes in pieces of any length. */
export interface ByteSource extends AsyncIterable<Buffer> {
  /** Passes over bytes behind the last piece without reading them, where that can be done. */
  skip?(count: number): void;
}

const NOTHING = Buffer.alloc(0);

/** Reads exact numbers of bytes from pieces of any length. What it gives out is only good until the next call, unless it is copied. */
export class ByteReader {
  readonly #source: ByteSource;
  readonly #iterator: AsyncIterator<Buffer>;
  #chunk: Buffer = NOTHING;
  #at = 0;
  /** Bytes before the chunk. */
  #before = 0;

  constructor(source: ByteSource) {
    this.#source = source;
    this.#iterator = source[Symbol.asyncIterator]();
  }

  /** Bytes that were read or passed over. */
  get position(): number {
    return this.#before + this.#at;
  }

  /** The next `count` bytes when they lie at hand, else undefined; `read` gets them then. */
  ready(count: number): Buffer | undefined {
    const end = this.#at + count;
    if (end > this.#chunk.length) return undefined;
    const bytes = this.#chunk.subarray(this.#at, end);
    this.#at = end;
    return bytes;
  }

  /** The next `count` bytes, undefined when there is not one more. Rejects with `image_invalid` when there are less. */
  async read(count: number): Promise<Buffer | undefined> {
    const ready = this.ready(count);
    if (ready !== undefined) return ready;
    const bytes = Buffer.allocUnsafe(count);
    let filled = 0;
    while (filled < count) {
      const piece = await this.#piece(count - filled);
      if (piece === undefined) {
        if (filled === 0) return undefined;
        throw truncated();
      }
      filled += piece.copy(bytes, filled);
    }
    return bytes;
  }

  /** The next `count` bytes in pieces as they come. Rejects with `image_invalid` when there are less. */
  async *pieces(count: number): AsyncGenerator<Buffer, void, void> {
    for (let left = count; left > 0;) {
      const piece = await this.#piece(left);
      if (piece === undefined) throw truncated();
      left -= piece.length;
      yield piece;
    }
  }

  /** Passes over `count` bytes. Rejects with `image_invalid` when there are less. */
  async skip(count: number): Promise<void> {
    let left = count;
    const ready = Math.min(left, this.#chunk.length - this.#at);
    this.#at += ready;
    left -= ready;
    if (left > 0 && this.#source.skip !== undefined) {
      this.#source.skip(left);
      this.#before += left;
      return;
    }
    while (left > 0) {
      const piece = await this.#piece(left);
      if (piece === undefined) throw truncated();
      left -= piece.length;
    }
  }

  /** Reads to the end, so that whoever checks the whole source sees all of it. */
  async drain(): Promise<void> {
    while ((await this.#piece(Infinity)) !== undefined);
  }

  /** Ends the source, when not all of it was read. */
  async close(): Promise<void> {
    await this.#iterator.return?.();
  }

  /** At least one byte and at most `most`, undefined at the end. */
  async #piece(most: number): Promise<Buffer | undefined> {
    while (this.#at === this.#chunk.length) {
      const next = await this.#iterator.next();
      if (next.done === true) return undefined;
      this.#before += this.#chunk.length;
      this.#chunk = next.value;
      this.#at = 0;
    }
    const end = Math.min(this.#chunk.length, this.#at + most);
    const piece = this.#chunk.subarray(this.#at, end);
    this.#at = end;
    return piece;
  }
}

export function truncated(): Error {
  return invalidImage('An archive ends in the middle of an entry.');
}
