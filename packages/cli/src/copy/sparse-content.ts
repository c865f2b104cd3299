import { ftruncateSync, writeSync } from 'node:fs';

/** What file systems of Linux keep content by: of less than such a block no room is saved. */
const BLOCK_BYTES = 4096;
const ZEROS = Buffer.alloc(BLOCK_BYTES);

/** Writes the content of a new file, and leaves holes in it where there would be blocks of zeros: holes do not travel as such. */
export class SparseContent {
  readonly #fd: number;
  #size = 0;

  /** Of an open file that is empty. */
  constructor(fd: number) {
    this.#fd = fd;
  }

  write(bytes: Uint8Array): void {
    let data = 0;
    for (let at = 0; at < bytes.length;) {
      const end = Math.min(bytes.length, at + BLOCK_BYTES - ((this.#size + at) % BLOCK_BYTES));
      if (ZEROS.subarray(0, end - at).equals(bytes.subarray(at, end))) {
        this.#writeAt(bytes.subarray(data, at), this.#size + data);
        data = end;
      }
      at = end;
    }
    this.#writeAt(bytes.subarray(data), this.#size + data);
    this.#size += bytes.length;
  }

  /** Gives the file its length, which a hole at its end does not. */
  end(): void {
    ftruncateSync(this.#fd, this.#size);
  }

  #writeAt(bytes: Uint8Array, position: number): void {
    for (let at = 0; at < bytes.length;)
      at += writeSync(this.#fd, bytes, at, bytes.length - at, position + at);
  }
}
