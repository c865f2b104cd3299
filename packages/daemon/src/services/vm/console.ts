import { open, stat } from 'node:fs/promises';
import { stripVTControlCharacters } from 'node:util';

/** Enough for a kernel panic with its trace, or a failed unit; a terminal's screen or two. */
const CONSOLE_TAIL_LINES = 20;
const TAIL_BYTES = 16 * 1024;

/**
 * The last lines of a console log, or of what was written from byte `from` on, without control characters but tabs; empty when there is
 * no log yet.
 */
export async function consoleTail(
  path: string,
  from: number,
  lines: number = CONSOLE_TAIL_LINES,
): Promise<string[]> {
  return printableLines(await readEnd(path, TAIL_BYTES, from)).slice(-lines);
}

/** Such lines as a paragraph under what went wrong. */
export function consoleText(lines: readonly string[]): string {
  return lines.length === 0
    ? 'The console is empty.'
    : `Last lines of the console:\n${lines.map((line) => `  ${line}`).join('\n')}`;
}

/** What a kernel says first when it panics (kernel/panic.c); its call trace follows. */
const PANIC = /Kernel panic - not syncing: (.*)/;
/** A call trace with registers and a list of modules. */
const PANIC_BYTES = 64 * 1024;

/** Why the kernel panicked, from the end of what its console has from byte `from` on; empty when it has not said so. */
export async function panicReason(path: string, from: number): Promise<string> {
  const last = printableLines(await readEnd(path, PANIC_BYTES, from)).findLast((line) => PANIC.test(line));
  return last?.match(PANIC)?.[1] ?? '';
}

/** Bytes of a console log; 0 when there is none yet. */
export async function consoleSize(path: string): Promise<number> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return found?.size ?? 0;
}

async function readEnd(path: string, bytes: number, from: number): Promise<string> {
  const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (file === undefined) return '';
  try {
    const { size } = await file.stat();
    // One that is shorter than it was has begun anew.
    const length = Math.min(from > size ? size : size - from, bytes);
    const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.subarray(0, bytesRead).toString('utf8');
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
