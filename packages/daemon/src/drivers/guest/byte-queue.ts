/**
 * Pieces smaller than this are copied together. A kept piece keeps the whole buffer alive that the socket read it into
 * (up to 64 KiB), so a guest that sends tiny frames would else make us hold many times its window.
 */
const COPY_BELOW = 16_384;
/** Size of the blocks that small pieces are copied into. */
const BLOCK_BYTES = 16_384;

interface Piece {
  readonly bytes: Uint8Array;
  start: number;
  end: number;
}

/** Bytes received and not yet taken, in order. Big pieces are kept as they came, without a copy. */
export class ByteQueue {
  #pieces: Piece[] = [];
  #length = 0;
  /** Free bytes at the end of the last piece, when that is a block of ours. */
  #room = 0;

  /** Bytes held. */
  get length(): number {
    return this.#length;
  }

  /** Adds bytes at the end. They are not copied when they are many: the caller must not change them afterwards. */
  push(bytes: Uint8Array): void {
    this.#length += bytes.length;
    if (bytes.length >= COPY_BELOW) {
      this.#pieces.push({ bytes, start: 0, end: bytes.length });
      this.#room = 0;
      return;
    }
    let rest = bytes;
    while (rest.length > 0) {
      if (this.#room === 0) this.#addBlock();
      const block = this.#pieces.at(-1);
      if (block === undefined) return;
      const part = rest.subarray(0, this.#room);
      block.bytes.set(part, block.end);
      block.end += part.length;
      this.#room -= part.length;
      rest = rest.subarray(part.length);
    }
  }

  /** Takes the next bytes that lie together, at most `max`; undefined when there are none. */
  take(max: number): Uint8Array | undefined {
    const piece = this.#pieces[0];
    if (piece === undefined || this.#length === 0) return undefined;
    const size = Math.min(max, piece.end - piece.start);
    const bytes = piece.bytes.subarray(piece.start, piece.start + size);
    piece.start += size;
    this.#length -= size;
    if (piece.start === piece.end) this.#dropFirst();
    return bytes;
  }

  /** Takes exactly `count` bytes in one array, copied when they do not lie together; undefined while there are fewer. */
  takeExactly(count: number): Uint8Array | undefined {
    if (this.#length < count) return undefined;
    const first = this.take(count) ?? new Uint8Array(0);
    if (first.length === count) return first;
    const joined = Buffer.allocUnsafe(count);
    joined.set(first);
    for (let filled = first.length; filled < count;) {
      const next = this.take(count - filled);
      if (next === undefined) return undefined;
      joined.set(next, filled);
      filled += next.length;
    }
    return joined;
  }

  /** Forgets everything. */
  clear(): void {
    this.#pieces = [];
    this.#length = 0;
    this.#room = 0;
  }

  #addBlock(): void {
    this.#pieces.push({ bytes: Buffer.allocUnsafeSlow(BLOCK_BYTES), start: 0, end: 0 });
    this.#room = BLOCK_BYTES;
  }

  #dropFirst(): void {
    this.#pieces.shift();
    if (this.#pieces.length === 0) this.#room = 0;
  }
}
