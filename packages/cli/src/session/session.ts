import type { Writable } from 'node:stream';
import { isBangerError, toBangerError } from '@banger/contract/error';
import type { ExecEnd, VmExec } from '@banger/contract/exec';
import type { CommandContext } from '../command.ts';
import { signalNumber, statusOfEnd, statusOfSignal } from '../exit-status.ts';
import type { HandledSignal } from '../terminal/signals.ts';
import { toldError } from '../told-error.ts';
import type { Keyboard } from '../terminal/keyboard.ts';
import { leaveKeys } from '../terminal/leave-keys.ts';
import { terminalSize } from '../terminal/size.ts';
import { pumpIn, pumpOut } from './pump.ts';

/**
 * So many signals within this time mean that the command does not end by them. As many as docker and podman take: at the first, programs
 * begin to tidy up, and some have a meaning of their own for a second.
 */
const INSIST_COUNT = 3;
const INSIST_MS = 5_000;
/** SIGPIPE ends most programs at once; one that ignores it may tidy up that long. */
const BROKEN_PIPE_GRACE_MS = 1_000;

/**
 * Runs a command in a VM with the program's own input and output, and resolves with the exit status: the command's,
 * or 128 + n when signal n ended the session. Rejects with the reason when the command could not be run or the
 * session broke. With a keyboard, its keys go to the command, all but those that leave it, and the terminal's size follows. A command that
 * is left, by keys or by signals, is ended.
 */
export async function runSession(
  context: CommandContext,
  request: VmExec,
  keyboard?: Keyboard,
): Promise<number> {
  const { machine, reporter, signal } = context;
  const client = await context.client();
  const task = reporter.follow('Opening the session', { handsOver: true });
  const session = await client.exec(request, { signal, onProgress: task.progress }).finally(task.end);
  reporter.clear();
  if (signal.aborted) {
    session.close();
    signal.throwIfAborted();
  }

  const { promise: givenUp, resolve: giveUp } = Promise.withResolvers<number>();
  let isOver = false;
  const forward = (name: NodeJS.Signals): void =>
    void session.signal(signalNumber(name)).catch((error: unknown) => {
      if (isOver || isBangerError(error, 'command_ended')) return;
      reporter.notice(`${name} may not have reached the command: ${toBangerError(error).message}`);
    });
  const insisted = insistence(machine.clock.monotonic, () => {
    if (machine.stderr.isTTY === true)
      reporter.notice(
        `The command goes on. Press Ctrl-C ${INSIST_COUNT} times within ${INSIST_MS / 1000} s to end it.`,
      );
  });
  const stopListening = machine.signals.listen((name) => {
    if (closes(name, request.tty !== undefined) || insisted()) giveUp(statusOfSignal(signalNumber(name)));
    else forward(name);
  });
  // A command of the wrong size is seen to be one; words of ours in the midst of what it paints would be worse.
  const onResize = (): void => void session.resize(terminalSize(machine)).catch(() => {});
  if (request.tty !== undefined) machine.stdout.on('resize', onResize);
  let cancelGrace = (): void => {};
  const onBroken = (): void => {
    forward('SIGPIPE');
    cancelGrace = machine.clock.after(BROKEN_PIPE_GRACE_MS, () =>
      giveUp(statusOfSignal(signalNumber('SIGPIPE'))),
    );
  };

  let stopInput = (): void => {};
  let isLeft = false;
  const leave = (): void => {
    isLeft = true;
    giveUp(statusOfSignal(signalNumber('SIGHUP')));
  };
  try {
    if (keyboard !== undefined) await machine.rawOutput();
    keyboard?.handOver();
    stopInput = pumpIn(
      machine.stdin,
      keyboard === undefined ? session.stdin : withLeaveKeys(session.stdin, leave),
    );
    const output = [
      pumpOut(session.stdout, machine.stdout, onBroken),
      pumpOut(session.stderr, machine.stderr, () => {}),
    ];
    const ended = Promise.all([session.exit, ...output]).then(([end]) => statusOf(end));
    return await Promise.race([ended, givenUp]);
  } finally {
    isOver = true;
    cancelGrace();
    stopInput();
    machine.stdout.off('resize', onResize);
    stopListening();
    session.close();
    keyboard?.close();
    if (isLeft) {
      // The cursor is wherever the command has left it.
      reporter.line('');
      reporter.notice('The session was left; its command is ended.');
    }
  }
}

/** Signals that end the session: the terminal is gone, or, where keys pass by us, somebody else wants us to end. */
function closes(name: HandledSignal, hasTerminal: boolean): boolean {
  return name === 'SIGHUP' || (hasTerminal && name === 'SIGTERM');
}

/** True when asked often enough within the time that means insistence; calls back once, at the second time of all. */
function insistence(monotonic: () => number, onSecond: () => void): () => boolean {
  const times: number[] = [];
  return () => {
    const now = monotonic();
    times.push(now);
    if (times.length === 2) onSecond();
    const first = times.at(-INSIST_COUNT);
    return first !== undefined && now - first < INSIST_MS;
  };
}

/** The input of a session behind the keys that leave it. */
function withLeaveKeys(stdin: Writable, leave: () => void): Writable {
  const keys = leaveKeys(leave);
  keys.pipe(stdin);
  // So that nothing more is read for a command that takes no more.
  stdin.once('close', () => keys.destroy());
  return keys;
}

function statusOf(end: ExecEnd): number {
  if (!('error' in end)) return statusOfEnd(end);
  throw toldError(end.error);
}
