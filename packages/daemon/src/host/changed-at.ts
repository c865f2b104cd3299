import { stat } from 'node:fs/promises';

/** When a file or directory was last written to, in milliseconds since 1970; undefined when there is none. */
export async function changedAt(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ mtimeMs }) => mtimeMs,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    },
  );
}
