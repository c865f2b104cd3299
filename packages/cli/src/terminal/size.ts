import type { TerminalSize } from '@banger/contract/exec';
import type { Machine, Output } from '../machine.ts';

/** What a terminal that tells no size is taken for (the size of a VT100). */
const FALLBACK: TerminalSize = { rows: 24, columns: 80 };

/** The size of the terminal that the user looks at. */
export function terminalSize({ stdout, stderr }: Pick<Machine, 'stdout' | 'stderr'>): TerminalSize {
  return sizeOf(stdout) ?? sizeOf(stderr) ?? FALLBACK;
}

function sizeOf({ isTTY, rows, columns }: Output): TerminalSize | undefined {
  return isTTY === true && rows !== undefined && columns !== undefined && rows > 0 && columns > 0
    ? { rows, columns }
    : undefined;
}
