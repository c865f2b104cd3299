import type { FileHandle } from 'node:fs/promises';
import { BangerError } from '@banger/contract/error';
import type { BlockAllocator } from './allocator.ts';
import { BLOCK_BYTES } from './geometry.ts';

/** What is written at once. Larger writes are no faster, and two such buffers are all that content takes in memory. */
const BUFFER_BLOCKS = 512;

/** Blocks in the buffer that belong together on disk. */
interface Stretch {
  readonly start: number;
  readonly from: number;
  count: number;
}

/**
 * Takes blocks one after another, gives each its place and writes them in large pieces, one buffer being filled while the other is
 * written. One caller at a time.
 */
export class BlockSink {
  readonly #file: FileHandle;
  readonly #allocator: BlockAllocator;
  #buffer = Buffer.allocUnsafeSlow(BUFFER_BLOCKS * BLOCK_BYTES);
  #spare = Buffer.allocUnsafeSlow(BUFFER_BLOCKS * BLOCK_BYTES);
  #stretches: Stretch[] = [];
  #used = 0;
  #writing: Promise<unknown> = Promise.resolve();

  constructor(file: FileHandle, allocator: BlockAllocator) {
    this.#file = file;
    this.#allocator = allocator;
  }

  /** The buffer, in which the next block is put together at `offset`; `room` must have been called since the last one was taken. */
  get buffer(): Buffer {
    return this.#buffer;
  }

  get offset(): number {
    return this.#used * BLOCK_BYTES;
  }

  /** True when the next block has no room in the buffer before `room` was called. */
  get full(): boolean {
    return this.#used === BUFFER_BLOCKS;
  }

  /** Makes room for a block. Rejects when what was taken before could not be written. */
  async room(): Promise<void> {
    if (this.full) await this.#turn();
  }

  /** Takes the block that was put together at `offset` and gives its number. */
  take(): number {
    const { start } = this.#allocator.take(1);
    const last = this.#stretches.at(-1);
    if (last !== undefined && last.start + last.count === start) last.count += 1;
    else this.#stretches.push({ start, from: this.#used, count: 1 });
    this.#used += 1;
    return start;
  }

  /** Stores a copy of a whole block and gives its number. */
  async add(block: Buffer): Promise<number> {
    await this.room();
    block.copy(this.#buffer, this.offset, 0, BLOCK_BYTES);
    return this.take();
  }

  /** Waits until all that was taken is written. */
  async flush(): Promise<void> {
    await this.#turn();
    await this.#writing;
  }

  async #turn(): Promise<void> {
    await this.#writing;
    const stretches = this.#stretches;
    const buffer = this.#buffer;
    this.#writing = this.#write(buffer, stretches);
    // It is awaited before the buffer is used again; until then a failure is not unhandled.
    this.#writing.catch(() => undefined);
    this.#buffer = this.#spare;
    this.#spare = buffer;
    this.#stretches = [];
    this.#used = 0;
  }

  async #write(buffer: Buffer, stretches: readonly Stretch[]): Promise<void> {
    for (const { start, from, count } of stretches) {
      const bytes = buffer.subarray(from * BLOCK_BYTES, (from + count) * BLOCK_BYTES);
      await writeAt(this.#file, bytes, start * BLOCK_BYTES);
    }
  }
}

/** Writes all of `bytes` at a position. Rejects with `disk_full` when there is no room. */
export async function writeAt(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  try {
    for (let done = 0; done < bytes.length;) {
      const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done);
      done += bytesWritten;
    }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOSPC' || code === 'EDQUOT')
      throw new BangerError('disk_full', 'There is no room left for the file system of an image.', { cause });
    throw cause;
  }
}
