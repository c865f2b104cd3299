import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { BangerError } from '@banger/contract/error';
import type { StagedDirectories } from '../../../host/staged-directories.ts';
import type { ImageUploads } from '../driver.ts';
import { writeAt } from '../ext4/block-sink.ts';

/** In a directory of staging. */
const FILE = 'input';
const FILE_MODE = 0o600;

/** A file that a client has sent, for as long as that client is there or somebody reads it. */
interface Upload {
  readonly path: string;
  readers: number;
  /** Called when nobody reads it any more. */
  idle: () => void;
}

/** Files that clients send, each below a directory of staging, by their hash: the same file of two clients is two files. */
export class StagedUploads implements ImageUploads {
  readonly #staged: StagedDirectories;
  readonly #mostBytes: number;
  readonly #uploads = new Map<string, Upload[]>();

  constructor(staged: StagedDirectories, mostBytes: number) {
    this.#staged = staged;
    this.#mostBytes = mostBytes;
  }

  async receive(bytes: AsyncIterable<Buffer>, gone: AbortSignal): Promise<string> {
    const received = Promise.withResolvers<string>();
    const kept = this.#staged.scratch(async (directory) => {
      const path = join(directory, FILE);
      const sha256 = await this.#write(bytes, path, gone);
      await this.#keep(sha256, path, gone, () => received.resolve(sha256));
    });
    // Once it is received, nobody waits for its end.
    kept.catch((error: unknown) => received.reject(error as Error));
    return received.promise;
  }

  async use<T>(sha256: string, work: (path: string) => Promise<T>): Promise<T> {
    const upload = this.#uploads.get(sha256)?.at(-1);
    if (upload === undefined)
      throw new BangerError('image_not_found', 'The image that was sent is not here any more.', {
        hint: 'Send it again: whoever sends it must stay until it is pulled.',
      });
    upload.readers += 1;
    try {
      return await work(upload.path);
    } finally {
      upload.readers -= 1;
      if (upload.readers === 0) upload.idle();
    }
  }

  async #write(bytes: AsyncIterable<Buffer>, path: string, gone: AbortSignal): Promise<string> {
    const hash = createHash('sha256');
    await using file = await open(path, 'wx', FILE_MODE);
    let position = 0;
    for await (const piece of bytes) {
      if (gone.aborted) throw new BangerError('cancelled', 'The client left.');
      if (position + piece.length > this.#mostBytes)
        throw new BangerError(
          'invalid_argument',
          `The image that was sent has more than ${this.#mostBytes} bytes.`,
        );
      await writeAt(file, piece, position);
      hash.update(piece);
      position += piece.length;
    }
    return hash.digest('hex');
  }

  /** Until the client has left and nobody reads it. */
  async #keep(sha256: string, path: string, gone: AbortSignal, ready: () => void): Promise<void> {
    const unread = Promise.withResolvers<void>();
    const upload: Upload = { path, readers: 0, idle: () => undefined };
    this.#uploads.set(sha256, [...(this.#uploads.get(sha256) ?? []), upload]);
    ready();
    if (!gone.aborted) await once(gone, 'abort');
    const others = (this.#uploads.get(sha256) ?? []).filter((each) => each !== upload);
    if (others.length > 0) this.#uploads.set(sha256, others);
    else this.#uploads.delete(sha256);
    upload.idle = unread.resolve;
    if (upload.readers > 0) await unread.promise;
  }
}
