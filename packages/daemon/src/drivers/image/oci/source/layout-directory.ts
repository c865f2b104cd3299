import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Blob, BlobSource } from './blob.ts';
import { FileChunks } from './file-chunks.ts';

/** An image in a directory. */
export class DirectoryBlobs implements BlobSource {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** `path` must be free of `..`: it is one that we put together. */
  async find(path: string): Promise<Blob | undefined> {
    const file = join(this.#directory, path);
    const found = await stat(file).catch(() => undefined);
    // Whatever else there may be, a fifo say, would be waited for without end.
    if (found?.isFile() !== true) return undefined;
    const { size } = found;
    return { size, open: () => new FileChunks(file, 0, size) };
  }
}
