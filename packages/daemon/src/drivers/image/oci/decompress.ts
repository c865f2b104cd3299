import { constants, createGunzip, createZstdDecompress, type Gunzip, type ZstdDecompress } from 'node:zlib';
import { invalidImage } from './invalid.ts';

const GZIP_MAGIC = Buffer.from([0x1f, 0x8b]);
const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
/** A frame that holds no data, for tools to put something into; 16 magic numbers, of which tools use the first (RFC 8878, 3.1.2). */
const ZSTD_SKIPPABLE = { number: 0x184d2a50, kinds: 16 } as const;
const MAGIC_BYTES = 4;

/** What is handed out at once: fewer turns of the event loop than with Node's 16 KiB. */
const OUTPUT_BYTES = 256 * 1024;
/** The memory that a frame may want, 128 MiB: the default of zstd(1), which tells the frames that want more. */
const ZSTD_WINDOW_LOG = 27;

/**
 * Unpacks a layer by what it starts with, not by what it says it is: gzip, zstd, or not packed. Archives of many parts (gzip members, zstd
 * frames) are read to the end. Rejects with `image_invalid` for what is damaged, cut off, or has other bytes behind it.
 */
export async function* decompressed(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
  const input = await Input.open(source);
  try {
    const head = input.rest;
    if (isGzip(head)) yield* parts(input, () => createGunzip({ chunkSize: OUTPUT_BYTES }));
    else if (isZstd(head))
      yield* parts(input, () =>
        createZstdDecompress({
          chunkSize: OUTPUT_BYTES,
          params: { [constants.ZSTD_d_windowLogMax]: ZSTD_WINDOW_LOG },
        }),
      );
    else for (; !input.over; await input.next()) yield input.rest;
  } finally {
    await input.close();
  }
}

/** True for the start of what `decompressed` unpacks. */
export function isPacked(head: Buffer): boolean {
  return isGzip(head) || isZstd(head);
}

function isGzip(head: Buffer): boolean {
  return head.subarray(0, GZIP_MAGIC.length).equals(GZIP_MAGIC);
}

function isZstd(head: Buffer): boolean {
  if (head.length < MAGIC_BYTES) return false;
  if (head.subarray(0, MAGIC_BYTES).equals(ZSTD_MAGIC)) return true;
  const kind = head.readUInt32LE(0) - ZSTD_SKIPPABLE.number;
  return kind >= 0 && kind < ZSTD_SKIPPABLE.kinds;
}

/** Part by part: Node's streams end with a zstd frame, and with what follows a gzip archive. */
async function* parts(input: Input, open: () => Gunzip | ZstdDecompress): AsyncGenerator<Buffer, void, void> {
  while (!input.over) {
    const stream = open();
    const fed = feed(input, stream);
    // It is awaited below; until then a failure is not unhandled.
    fed.catch(() => undefined);
    try {
      for await (const chunk of stream) yield chunk as Buffer;
    } catch (cause) {
      // The source failed first, if it did: it ends the stream.
      await fed;
      throw invalidImage(`An archive of the image cannot be unpacked: ${(cause as Error).message}.`, cause);
    }
    await fed;
  }
}

/** Writes input to a stream until it ends, and leaves what it did not take. */
async function feed(input: Input, stream: Gunzip | ZstdDecompress): Promise<void> {
  let over = false;
  const ended = new Promise<void>((resolve) => {
    const end = (): void => {
      over = true;
      resolve();
    };
    for (const event of ['end', 'close', 'error']) stream.once(event, end);
  });
  let written = 0;
  try {
    while (!input.over) {
      const { rest } = input;
      written += rest.length;
      const taken = new Promise<void>((resolve) => {
        stream.write(rest, () => resolve());
      });
      await Promise.race([taken, ended]);
      const left = written - stream.bytesWritten;
      if (left > 0) {
        // It says that it took the piece, but there was an end in it.
        input.rest = rest.subarray(rest.length - left);
        return;
      }
      await input.next();
      if (over) return;
    }
    stream.end();
  } catch (error) {
    stream.destroy(error as Error);
    throw error;
  }
}

/** The bytes of a source, one piece being fetched while another is used. */
class Input {
  rest: Buffer = Buffer.alloc(0);
  over = false;
  readonly #iterator: AsyncIterator<Buffer>;
  #ahead: Promise<IteratorResult<Buffer, undefined>>;

  private constructor(source: AsyncIterable<Buffer>) {
    this.#iterator = source[Symbol.asyncIterator]();
    this.#ahead = this.#fetch();
  }

  /** Resolves when there are enough bytes to tell what it is, if it has as many. */
  static async open(source: AsyncIterable<Buffer>): Promise<Input> {
    const input = new Input(source);
    const pieces: Buffer[] = [];
    let bytes = 0;
    while (bytes < MAGIC_BYTES && !input.over) {
      await input.next();
      pieces.push(input.rest);
      bytes += input.rest.length;
    }
    input.over = bytes === 0;
    if (pieces.length > 1) input.rest = Buffer.concat(pieces);
    return input;
  }

  /** Goes on to the next piece, which has at least a byte, or to the end. */
  async next(): Promise<void> {
    do {
      const { done, value } = await this.#ahead;
      this.over = done === true;
      this.rest = done === true ? Buffer.alloc(0) : value;
      if (!this.over) this.#ahead = this.#fetch();
    } while (!this.over && this.rest.length === 0);
  }

  async close(): Promise<void> {
    await this.#ahead.catch(() => undefined);
    await this.#iterator.return?.();
  }

  #fetch(): Promise<IteratorResult<Buffer, undefined>> {
    const next = this.#iterator.next();
    // It is awaited when it is needed, or never.
    next.catch(() => undefined);
    return next;
  }
}
