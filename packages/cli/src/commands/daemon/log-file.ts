import { open, stat, type FileHandle } from 'node:fs/promises';
import type { Clock } from '../../clock.ts';

/** Bytes read at once; a log's lines are far shorter. */
const CHUNK_BYTES = 65_536;
/** How often a followed file is looked at: soon enough for a person, and without a watcher's special cases. */
const POLL_MS = 200;
const NEWLINE = 0x0a;

/** How a log file is read. */
export interface LogRequest {
  /** Last lines only; all when undefined. */
  readonly lines: number | undefined;
  readonly follow: boolean;
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

/**
 * The bytes of a log file, and with `follow` those that come later, until the signal fires; also when the file is
 * replaced or made shorter, and when it appears later. Without `follow` a missing file rejects with ENOENT.
 */
export async function* readLog(
  path: string,
  { lines, follow, signal, clock }: LogRequest,
): AsyncGenerator<Buffer> {
  let file = await openLog(path, follow);
  try {
    let position = file === undefined || lines === undefined ? 0 : await startOfLastLines(file, lines);
    while (!signal.aborted) {
      if (file !== undefined) {
        for await (const chunk of chunks(file, position)) {
          position += chunk.length;
          yield chunk;
        }
      }
      if (!follow) return;
      await wait(clock, signal);
      if (file !== undefined && (await isCurrent(file, path, position))) continue;
      await file?.close();
      file = await openLog(path, follow);
      position = 0;
    }
  } finally {
    await file?.close();
  }
}

async function openLog(path: string, mayBeMissing: boolean): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r');
  } catch (error) {
    if (mayBeMissing && (error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function* chunks(file: FileHandle, from: number): AsyncGenerator<Buffer> {
  for (let position = from; ;) {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(CHUNK_BYTES), 0, CHUNK_BYTES, position);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    position += bytesRead;
  }
}

/** Where the last `lines` lines begin, found from the end of the file. */
async function startOfLastLines(file: FileHandle, lines: number): Promise<number> {
  const { size } = await file.stat();
  if (lines === 0) return size;
  let missing = lines;
  for (let end = size; end > 0; end -= CHUNK_BYTES) {
    const start = Math.max(0, end - CHUNK_BYTES);
    const { buffer } = await file.read(Buffer.alloc(end - start), 0, end - start, start);
    for (let at = end - start - 1; at >= 0; at -= 1) {
      // The newline at the very end closes the last line and begins none.
      if (buffer[at] !== NEWLINE || start + at === size - 1) continue;
      missing -= 1;
      if (missing === 0) return start + at + 1;
    }
  }
  return 0;
}

/** Whether the open file is still the one at that path, and no shorter than what was read of it. */
async function isCurrent(file: FileHandle, path: string, position: number): Promise<boolean> {
  try {
    const [own, there] = await Promise.all([file.stat(), stat(path)]);
    return own.ino === there.ino && own.dev === there.dev && own.size >= position;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
    throw error;
  }
}

function wait(clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const cancel = clock.after(POLL_MS, resolve);
    signal.addEventListener('abort', () => {
      cancel();
      resolve();
    });
  });
}
