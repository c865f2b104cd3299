import { stat } from 'node:fs/promises';

/** Bytes that a file takes on disk, holes left out. */
export async function allocatedBytes(file: string): Promise<number> {
  // st_blocks counts in 512 bytes whatever the file system (stat(2)).
  return (await stat(file)).blocks * 512;
}
