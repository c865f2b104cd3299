import { open, stat, writeFile } from 'node:fs/promises';

/** What a guest may have on its console log before the older part is set aside: a guest can write without end. */
const MAX_CONSOLE_BYTES = 16 * 1024 * 1024;
/** What is kept of that part. */
const KEPT_BYTES = 1024 * 1024;

/**
 * Sets the older part of a console log aside when it has grown over its cap: the end of it is kept beside it as `.old`, and the log
 * begins anew. The VMM goes on, because it appends. What it writes in these milliseconds may be lost.
 */
export async function capConsole(
  path: string,
  max: number = MAX_CONSOLE_BYTES,
  kept: number = KEPT_BYTES,
): Promise<void> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (found === undefined || found.size <= max) return;
  const file = await open(path, 'r+');
  try {
    const { size } = await file.stat();
    const { buffer, bytesRead } = await file.read(Buffer.alloc(kept), 0, kept, size - kept);
    await writeFile(`${path}.old`, buffer.subarray(0, bytesRead), { mode: 0o600 });
    await file.truncate(0);
  } finally {
    await file.close();
  }
}
