import type { FileHandle } from 'node:fs/promises';
import type { ByteSink } from './receive-file.ts';

/** Writes what is downloaded into an open file, from its beginning. */
export function fileSink(file: FileHandle): ByteSink {
  let position = 0;
  return {
    restart: async () => {
      position = 0;
      await file.truncate(0);
    },
    write: async (bytes) => {
      for (let done = 0; done < bytes.length;) {
        const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position);
        done += bytesWritten;
        position += bytesWritten;
      }
    },
  };
}
