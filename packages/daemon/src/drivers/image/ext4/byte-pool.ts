/** Bytes of a chunk. What is stored never crosses into the next one, so it must be far smaller. */
const CHUNK_BYTES = 2 ** 20;

/** Small pieces of bytes, kept for good. A piece is known by its number, of 32 bits, which makes it cheap to refer to. */
export class BytePool {
  readonly #chunks: Buffer[] = [];
  #used = CHUNK_BYTES;

  /** Stores a copy and gives its number, which is never 0. */
  add(bytes: Buffer, from = 0, to = bytes.length): number {
    const length = to - from;
    if (this.#used + length > CHUNK_BYTES) {
      this.#chunks.push(Buffer.allocUnsafeSlow(CHUNK_BYTES));
      this.#used = 1;
    }
    const last = this.#chunks.length - 1;
    bytes.copy(this.chunk(last * CHUNK_BYTES), this.#used, from, to);
    const number = last * CHUNK_BYTES + this.#used;
    this.#used += length;
    return number;
  }

  /** The chunk that holds a piece, which starts there at `offset` of its number. */
  chunk(number: number): Buffer {
    return this.#chunks[Math.floor(number / CHUNK_BYTES)] ?? Buffer.alloc(0);
  }

  offset(number: number): number {
    return number % CHUNK_BYTES;
  }

  /** The piece itself, not a copy. */
  get(number: number, length: number): Buffer {
    const offset = this.offset(number);
    return this.chunk(number).subarray(offset, offset + length);
  }
}
