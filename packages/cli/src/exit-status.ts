import { constants } from 'node:os';
import type { BangerError } from '@banger/contract/error';
import type { ErrorCode } from '@banger/contract/error-codes';
import type { ExecEnd } from '@banger/contract/exec';

/** The exit statuses of the program; `docs/errors.md` lists the same numbers. */
export const exitStatus = {
  done: 0,
  /** A failure of ours, in every command that passes no guest command's status on. */
  failed: 1,
  /** The command line is not valid: an option, or a name that nothing could have. */
  usage: 2,
  /** `daemon status`: none runs. The number that LSB init scripts and systemctl use for it. */
  notRunning: 3,
  /** A failure of ours in `vm run`, `exec` and `shell`, where small numbers belong to the guest's command. */
  sessionFailed: 125,
  notExecutable: 126,
  notFound: 127,
} as const;

/** A process ended by a signal, told as shells do it (POSIX, 2.8.2: more than 128). */
export function statusOfSignal(signal: number): number {
  return 128 + signal;
}

/** The number of a signal such as `SIGINT`. */
export function signalNumber(name: NodeJS.Signals): number {
  return constants.signals[name];
}

/** The exit status for an error of ours; `session`: in a command that passes a guest command's status on. */
export function statusOfError({ code }: Pick<BangerError, 'code'>, session: boolean): number {
  if (code === 'usage' || code === 'name_invalid') return exitStatus.usage;
  if (!session) return exitStatus.failed;
  const special: Partial<Record<ErrorCode, number>> = {
    command_not_found: exitStatus.notFound,
    shell_not_found: exitStatus.notFound,
    command_not_executable: exitStatus.notExecutable,
  };
  return special[code] ?? exitStatus.sessionFailed;
}

/** The exit status of a guest's command that ended by itself. */
export function statusOfEnd(end: Exclude<ExecEnd, { error: unknown }>): number {
  return 'signal' in end ? statusOfSignal(end.signal) : end.status;
}
