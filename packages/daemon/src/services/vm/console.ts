import { open } from 'node:fs/promises';
import { stripVTControlCharacters } from 'node:util';

/** Enough for a kernel panic with its trace, or a failed unit; a terminal's screen or two. */
const CONSOLE_TAIL_LINES = 20;
const TAIL_BYTES = 16 * 1024;

/** The last lines of a console log, without control characters but tabs; empty when there is no log yet. */
export async function consoleTail(path: string, lines: number = CONSOLE_TAIL_LINES): Promise<string[]> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (file === undefined) return [];
  try {
    const { size } = await file.stat();
    const length = Math.min(size, TAIL_BYTES);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return printableLines(buffer.subarray(0, bytesRead).toString('utf8')).slice(-lines);
  } finally {
    await file.close();
  }
}

/** A guest writes what it likes: escape sequences and other control characters do not reach a person's terminal. */
export function printableLines(text: string): string[] {
  return text
    .split(/\r*\n/)
    .map((line) => stripVTControlCharacters(line).replaceAll(CONTROL, '').trimEnd())
    .filter((line) => line !== '');
}

const CONTROL = /[^\P{C}\t]/gu;
