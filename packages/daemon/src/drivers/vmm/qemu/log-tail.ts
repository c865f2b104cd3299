import { open } from 'node:fs/promises';

/** The reason of a failure stands in QEMU's last lines; a runaway log is not read whole for them. */
const TAIL_BYTES = 4096;
const TAIL_LINES = 5;

/** `-msg timestamp=on` begins each line with this. */
const TIMESTAMP = /^\d{4}-\d\d-\d\dT[\d:.]+Z\s+/;
/** Control characters could move a terminal's cursor. */
const CONTROL = /\p{Cc}/gu;

/** The last lines that were written to a log from byte `start` on, without time stamps; none when it cannot be read. */
export async function logTail(path: string, start: number): Promise<readonly string[]> {
  let file;
  try {
    file = await open(path, 'r');
  } catch {
    return [];
  }
  try {
    const { size } = await file.stat();
    const from = Math.max(start, size - TAIL_BYTES);
    if (size <= from) return [];
    const { buffer, bytesRead } = await file.read(Buffer.alloc(size - from), 0, size - from, from);
    return buffer
      .subarray(0, bytesRead)
      .toString('utf8')
      .split('\n')
      .map((line) => line.replace(TIMESTAMP, '').replace(CONTROL, ' ').trim())
      .filter((line) => line !== '')
      .slice(-TAIL_LINES);
  } finally {
    await file.close();
  }
}
