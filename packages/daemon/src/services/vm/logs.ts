import { open, stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import type { Clock } from '../../host/clock.ts';

/** A reader of a growing file looks this often; a person does not see less. */
const FOLLOW_PAUSE_MS = 200;
const CHUNK_BYTES = 64 * 1024;

/** What part of a console is wanted. */
export interface ConsoleRequest {
  readonly path: string;
  /** Last lines only; all when absent. */
  readonly lines?: number;
  /** Goes on with what is written until the signal fires or the VM is gone; else ends with what is there now. */
  readonly follow: boolean;
  /** Whether the VM still is; asked when nothing more is written. True when absent. */
  readonly exists?: () => boolean;
}

/** A console log as a byte stream; empty when nothing was written yet. A truncated file is read on from its new beginning. */
export function readConsole(request: ConsoleRequest, clock: Clock, signal: AbortSignal): Readable {
  return Readable.from(chunks(request, clock, signal), { objectMode: false });
}

async function* chunks(
  { path, lines, follow, exists = () => true }: ConsoleRequest,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const size = await sizeOf(path);
  let seen = size !== undefined;
  let position = lines === undefined ? 0 : await startOfLastLines(path, lines);
  // A guest that writes faster than its reader reads would keep one that does not follow for ever.
  let wanted = follow ? Infinity : Math.max(0, (size ?? 0) - position);
  while (!signal.aborted && wanted > 0) {
    // Before the reading: what the VM wrote last is not missed.
    const gone = !exists();
    const chunk = await readAt(path, position, Math.min(CHUNK_BYTES, wanted));
    if (chunk === 'missing') {
      // A file that was there is removed only with its VM.
      if (seen || gone || !follow) return;
    } else seen = true;
    if (chunk === 'truncated') {
      position = 0;
    } else if (chunk !== 'missing' && chunk.length > 0) {
      position += chunk.length;
      wanted -= chunk.length;
      yield chunk;
    } else if (follow && !gone) {
      await clock.sleep(FOLLOW_PAUSE_MS, signal).catch(() => undefined);
    } else {
      return;
    }
  }
}

/** Size of a file; undefined when there is none. */
async function sizeOf(path: string): Promise<number | undefined> {
  return stat(path).then(
    ({ size }) => size,
    (error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    },
  );
}

async function readAt(
  path: string,
  position: number,
  length: number,
): Promise<Buffer | 'truncated' | 'missing'> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (file === undefined) return 'missing';
  try {
    if ((await file.stat()).size < position) return 'truncated';
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, position);
    return buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
}

/** Position from which at most `lines` lines follow, found from the end backwards. */
async function startOfLastLines(path: string, lines: number): Promise<number> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (file === undefined) return 0;
  try {
    let end = (await file.stat()).size;
    if (lines === 0) return end;
    let wanted = lines;
    for (let last = true; end > 0; last = false) {
      const begin = Math.max(0, end - CHUNK_BYTES);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(end - begin), 0, end - begin, begin);
      for (let at = bytesRead - 1; at >= 0; at -= 1) {
        // A newline at the very end closes the last line and begins none.
        if (buffer[at] !== 0x0a || (last && at === bytesRead - 1)) continue;
        wanted -= 1;
        if (wanted === 0) return begin + at + 1;
      }
      end = begin;
    }
    return 0;
  } finally {
    await file.close();
  }
}
