import type { VmExec } from '@banger/contract/exec';
import type { OptionValues } from '../command.ts';
import type { Machine } from '../machine.ts';
import type { sessionOptions } from '../options/vm-options.ts';
import { terminalSize } from '../terminal/size.ts';

/** Terminals that name themselves so are what nearly all of today's can do. */
const DEFAULT_TERM = 'xterm-256color';
/** Names as terminfo(5) has them: nothing that a guest's shell or file system could stumble over. */
const TERM = /^[A-Za-z0-9][A-Za-z0-9+._-]{0,63}$/;

/** Whether the command gets a terminal: when asked for, or for a shell whose input is one. */
export function wantsTerminal(
  { tty, noTty }: OptionValues<typeof sessionOptions>,
  { stdin }: Pick<Machine, 'stdin'>,
  argv: readonly string[],
): boolean {
  if (noTty === true) return false;
  return tty === true || (argv.length === 0 && stdin.isTTY === true);
}

/** The call that starts a command in a VM; an empty argv is the user's login shell. What is left open is as the image says. */
export function execRequest(
  vm: string,
  argv: readonly string[],
  options: OptionValues<typeof sessionOptions>,
  env: readonly string[],
  machine: Machine,
): VmExec {
  const { user, workdir } = options;
  return {
    vm,
    argv: [...argv],
    env: [...env],
    ...(workdir === undefined ? {} : { cwd: workdir }),
    ...(user === undefined ? {} : { user }),
    ...(wantsTerminal(options, machine, argv)
      ? { tty: { ...terminalSize(machine), term: termOf(machine.env['TERM']) } }
      : {}),
  };
}

function termOf(term: string | undefined): string {
  return term !== undefined && TERM.test(term) ? term : DEFAULT_TERM;
}
