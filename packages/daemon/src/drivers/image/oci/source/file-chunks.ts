import { open, type FileHandle } from 'node:fs/promises';
import { truncated, type ByteSource } from '../tar/byte-reader.ts';

/** Read at once: larger pieces are no faster. */
const CHUNK_BYTES = 1024 ** 2;

/** A part of a file as a stream of pieces, each good until the next; what is passed over is not read. */
export class FileChunks implements ByteSource {
  readonly #path: string;
  #at: number;
  readonly #end: number;

  /** From `start` to before `end`. */
  constructor(path: string, start: number, end: number) {
    this.#path = path;
    this.#at = start;
    this.#end = end;
  }

  skip(count: number): void {
    this.#at += count;
    if (this.#at > this.#end) throw truncated();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, void> {
    await using file: FileHandle = await open(this.#path, 'r');
    while (this.#at < this.#end) {
      const want = Math.min(CHUNK_BYTES, this.#end - this.#at);
      // Of its own: whoever decompresses works on one piece while the next is read.
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(want), 0, want, this.#at);
      if (bytesRead === 0) throw truncated();
      this.#at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  }
}
