/** Cuts a byte stream into lines; a line over the limit is an error, so that a peer cannot fill our memory. */
export class LineSplitter {
  readonly #limit: number;
  #parts: Buffer[] = [];
  #held = 0;

  /** `limit`: the most bytes of a line, without its newline. */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** The lines that end in this chunk, without their newlines (LF or CR LF). Throws RangeError over the limit. */
  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(0x0a); end >= 0; end = chunk.indexOf(0x0a, start)) {
      this.#hold(chunk.subarray(start, end));
      lines.push(Buffer.concat(this.#parts).toString('utf8').replace(/\r$/, ''));
      this.#parts = [];
      this.#held = 0;
      start = end + 1;
    }
    this.#hold(chunk.subarray(start));
    return lines;
  }

  #hold(part: Buffer): void {
    this.#held += part.length;
    if (this.#held > this.#limit) throw new RangeError(`a line has over ${this.#limit} bytes`);
    if (part.length > 0) this.#parts.push(part);
  }
}
