import { ProtocolFault } from './errors.ts';

const NEWLINE = 0x0a;
/** First size of the buffer for an unfinished line: most messages fit. */
const FIRST_TAIL_BYTES = 4 * 1024;

/**
 * Cuts a byte stream into lines. Whole lines inside one chunk are not copied; an unfinished one is collected in a
 * buffer that grows by doubling, so that neither many tiny chunks nor a long line cost more than the line's bytes.
 */
export class LineReader {
  readonly #maxLineBytes: number;
  readonly #chunks: Buffer[] = [];
  #offset = 0;
  #tail = Buffer.alloc(0);
  #tailLength = 0;

  constructor(maxLineBytes: number) {
    this.#maxLineBytes = maxLineBytes;
  }

  push(chunk: Buffer): void {
    if (chunk.length > 0) this.#chunks.push(chunk);
  }

  /** The next whole line without its newline; undefined until more has come. Throws `ProtocolFault` over the limit. */
  next(): Buffer | undefined {
    for (let chunk = this.#chunks[0]; chunk !== undefined; chunk = this.#chunks[0]) {
      const end = chunk.indexOf(NEWLINE, this.#offset);
      const piece = chunk.subarray(this.#offset, end < 0 ? chunk.length : end);
      if (this.#tailLength + piece.length > this.#maxLineBytes)
        throw new ProtocolFault(`A line is longer than ${this.#maxLineBytes} bytes.`);
      if (end >= 0) {
        this.#advance(chunk, end + 1);
        return this.#finish(piece);
      }
      this.#keep(piece);
      this.#advance(chunk, chunk.length);
    }
    return undefined;
  }

  /** Takes out every byte that belongs to no line returned so far. */
  rest(): Buffer {
    const first = this.#chunks[0];
    const parts = [
      this.#tail.subarray(0, this.#tailLength),
      ...(first === undefined ? [] : [first.subarray(this.#offset)]),
      ...this.#chunks.slice(1),
    ];
    this.#chunks.length = 0;
    this.#offset = 0;
    this.#dropTail();
    return Buffer.concat(parts);
  }

  #advance(chunk: Buffer, offset: number): void {
    this.#offset = offset;
    if (offset < chunk.length) return;
    this.#chunks.shift();
    this.#offset = 0;
  }

  #keep(piece: Buffer): void {
    const length = this.#tailLength + piece.length;
    if (length > this.#tail.length) {
      const grown = Buffer.allocUnsafe(Math.max(length, this.#tail.length * 2, FIRST_TAIL_BYTES));
      this.#tail.copy(grown, 0, 0, this.#tailLength);
      this.#tail = grown;
    }
    piece.copy(this.#tail, this.#tailLength);
    this.#tailLength = length;
  }

  #finish(piece: Buffer): Buffer {
    if (this.#tailLength === 0) return piece;
    this.#keep(piece);
    const line = this.#tail.subarray(0, this.#tailLength);
    this.#dropTail();
    return line;
  }

  /** A new buffer for the next line: the old one was handed out. */
  #dropTail(): void {
    this.#tail = Buffer.alloc(0);
    this.#tailLength = 0;
  }
}
