import { open, stat } from 'node:fs/promises';
import { z } from 'zod';
import type { Runner } from '../../../host/runner.ts';

/** A new disk of the usual kind has 0.2 MiB; one with more is made by programs each time, which are then no longer what takes the time. */
const SEED_MAX_BYTES = 4 * 1024 ** 2;
/** Kinds of disks that are remembered: two for each image and size in use. The one that was used longest ago goes first. */
const SEEDS_MAX = 8;

/** Bytes and where in the file they stand. */
interface Piece {
  readonly at: number;
  readonly bytes: Buffer;
}

/** All of a file that is no hole. */
interface Seed {
  readonly size: number;
  readonly pieces: readonly Piece[];
}

/**
 * What new disks look like. Every disk made from one image with one size begins with the same few bytes, which programs work out anew
 * each time: so they do it once, and the next ones are written from memory, without a process.
 */
export class DiskSeeds {
  readonly #runner: Runner;
  readonly #seeds = new Map<string, Seed>();

  constructor(runner: Runner) {
    this.#runner = runner;
  }

  /** Fills the empty file at `path`, with `make` when no file of that key was made before. */
  async fill(key: string, path: string, make: () => Promise<void>): Promise<void> {
    const seed = this.#seeds.get(key);
    if (seed === undefined) {
      await make();
      const made = await this.#read(path);
      if (made !== undefined) this.#keep(key, made);
    } else {
      await write(path, seed);
      this.#keep(key, seed);
    }
  }

  #keep(key: string, seed: Seed): void {
    this.#seeds.delete(key);
    this.#seeds.set(key, seed);
    const [oldest] = this.#seeds.keys();
    if (this.#seeds.size > SEEDS_MAX && oldest !== undefined) this.#seeds.delete(oldest);
  }

  /** Undefined when there is too much in it. */
  async #read(path: string): Promise<Seed | undefined> {
    const data = (await this.#dataOf(path)).filter(({ data: isData, zero }) => isData && !zero);
    if (data.reduce((sum, { length }) => sum + length, 0) > SEED_MAX_BYTES) return undefined;
    const file = await open(path);
    try {
      const { size } = await file.stat();
      const pieces: Piece[] = [];
      for (const { start: at, length } of data) {
        const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at);
        pieces.push({ at, bytes: buffer.subarray(0, bytesRead) });
      }
      return { size, pieces };
    } finally {
      await file.close();
    }
  }

  /** Where the file has something: Node cannot ask lseek(2) for that. */
  async #dataOf(path: string): Promise<z.infer<typeof mapSchema>> {
    const { stdout } = await this.#runner.run(['qemu-img', 'map', '--output=json', '-f', 'raw', path]);
    return mapSchema.parse(JSON.parse(stdout));
  }
}

const mapSchema = z.array(
  z.object({ start: z.int(), length: z.int(), data: z.boolean(), zero: z.boolean() }),
);

/** Tells a file from every other one, and from itself when it has changed. Rejects as stat(2) does. */
export async function fileIdentity(path: string): Promise<string> {
  const { dev, ino, size, mtimeMs, ctimeMs } = await stat(path);
  return [path, dev, ino, size, mtimeMs, ctimeMs].join(' ');
}

async function write(path: string, { size, pieces }: Seed): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.truncate(size);
    for (const { at, bytes } of pieces) await file.write(bytes, 0, bytes.length, at);
  } finally {
    await file.close();
  }
}
