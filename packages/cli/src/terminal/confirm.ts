import { createInterface } from 'node:readline/promises';
import { BangerError } from '@banger/contract/error';
import type { Machine } from '../machine.ts';

/** Whether a person can be asked: he sees standard error and types into standard input. */
export function isTerminal({ stdin, stderr }: Pick<Machine, 'stdin' | 'stderr'>): boolean {
  return stdin.isTTY === true && stderr.isTTY === true;
}

/** Asks on the terminal; true for a yes, false for anything else, the end of input included. Rejects with `cancelled` by the signal. */
export async function confirm(
  { stdin, stderr }: Pick<Machine, 'stdin' | 'stderr'>,
  question: string,
  signal: AbortSignal,
): Promise<boolean> {
  const lines = createInterface({ input: stdin, output: stderr, terminal: false });
  try {
    const ended = new Promise<string>((resolve) => lines.once('close', () => resolve('')));
    const answer = await Promise.race([lines.question(`${question} [y/N] `, { signal }), ended]);
    return /^y(es)?$/i.test(answer.trim());
  } catch (cause) {
    if (signal.aborted) throw new BangerError('cancelled', 'The question was not answered.', { cause });
    throw cause;
  } finally {
    lines.close();
  }
}
