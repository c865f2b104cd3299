import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';

/** st_blocks counts in these, whatever the file system (stat(2)). */
const BLOCK_BYTES = 512;

/** What a tree takes on disk, in bytes, holes left out. */
export async function diskUsage(path: string): Promise<number> {
  const own = (await lstat(path)).blocks * BLOCK_BYTES;
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const sizes = await Promise.all(entries.map((entry) => lstat(join(entry.parentPath, entry.name))));
  return sizes.reduce((sum, { blocks }) => sum + blocks * BLOCK_BYTES, own);
}
