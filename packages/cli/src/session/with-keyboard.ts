import type { OptionValues } from '../command.ts';
import type { Machine } from '../machine.ts';
import type { sessionOptions } from '../options/vm-options.ts';
import { openKeyboard, type Keyboard } from '../terminal/keyboard.ts';
import { wantsTerminal } from './request.ts';

/**
 * Works with the keyboard taken from the first moment on, so that no key is lost while a daemon starts and a VM boots;
 * without one when the command gets no terminal, or there is none. The terminal is put back on every way out.
 */
export async function withKeyboard<T>(
  machine: Machine,
  options: OptionValues<typeof sessionOptions>,
  argv: readonly string[],
  work: (keyboard: Keyboard | undefined) => Promise<T>,
): Promise<T> {
  if (machine.stdin.isTTY !== true || !wantsTerminal(options, machine, argv)) return work(undefined);
  const keyboard = openKeyboard(machine.stdin, () => machine.signals.raise('SIGINT'));
  try {
    return await work(keyboard);
  } finally {
    keyboard.close();
  }
}
