import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { BangerError } from '@banger/contract/error';
import type { StageContext } from '../../../domain/stage-progress.ts';
import { FileChunks } from '../oci/source/file-chunks.ts';

/** A file of this machine that an image is made of, and what it was pulled as. */
export interface PulledFile {
  readonly text: string;
  readonly path: string;
}

/** The length of a file; `what` is what a person calls it. Rejects with `invalid_argument` when there is none. */
export async function fileBytes(what: string, path: string): Promise<number> {
  let file: FileHandle;
  try {
    // Without O_NONBLOCK a FIFO would be waited for.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new BangerError('invalid_argument', `The ${what} ${path} cannot be read (${code}).`, { cause });
  }
  try {
    const found = await file.stat();
    if (found.isFile()) return found.size;
  } finally {
    await file.close();
  }
  throw new BangerError('invalid_argument', `The ${what} ${path} is no file.`);
}

/** Reads a file of so many bytes while a disk is written of it, and tells how far it is. */
export async function* toldChunks(
  path: string,
  total: number,
  onProgress: StageContext['onProgress'],
): AsyncGenerator<Buffer, void, void> {
  let done = 0;
  for await (const piece of new FileChunks(path, 0, total)) {
    done += piece.length;
    yield piece;
    onProgress({ stage: 'Writing the disk', done, total, unit: 'bytes' });
  }
}
