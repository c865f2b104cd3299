import type { FileHandle } from 'node:fs/promises';

/** Control characters, which must not reach a terminal; newlines are gone when this is used. */
// eslint-disable-next-line no-control-regex -- control characters are what it is for
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/g;

/**
 * The last lines of what was written to a file behind the offset `from`: at most `lines` of them and `bytes` bytes,
 * control characters replaced.
 */
export async function lastLines(
  file: FileHandle,
  from: number,
  lines: number,
  bytes: number,
): Promise<readonly string[]> {
  const { size } = await file.stat();
  const start = Math.max(from, size - bytes);
  const length = Math.max(0, size - start);
  const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, start);
  return buffer
    .subarray(0, bytesRead)
    .toString()
    .split('\n')
    .map((line) => line.replace(CONTROL, '\ufffd'))
    .filter((line) => line !== '')
    .slice(-lines);
}
