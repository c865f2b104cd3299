import type { ExecEnd, VmExec } from '@banger/contract/exec';
import type { CommandContext } from '../command.ts';
import { signalNumber, statusOfEnd, statusOfSignal } from '../exit-status.ts';
import type { HandledSignal } from '../terminal/signals.ts';
import { toldError } from '../told-error.ts';
import type { Keyboard } from '../terminal/keyboard.ts';
import { terminalSize } from '../terminal/size.ts';
import { pumpIn, pumpOut } from './pump.ts';

/** A second signal within this time means that the first was not enough. */
const INSIST_MS = 1_000;
/** SIGPIPE ends most programs at once; one that ignores it may tidy up that long. */
const BROKEN_PIPE_GRACE_MS = 1_000;
const SIGPIPE = 13;

/**
 * Runs a command in a VM with the program's own input and output, and resolves with the exit status: the command's,
 * or 128 + n when signal n ended the session. Rejects with the reason when the command could not be run or the
 * session broke. With a keyboard, its keys go to the command and the terminal's size follows.
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
  const forward = (number: number): void => void session.signal(number).catch(() => {});
  const insisted = insistence(machine.clock.monotonic);
  const stopListening = machine.signals.listen((name) => {
    if (closes(name, request.tty !== undefined) || insisted()) giveUp(statusOfSignal(signalNumber(name)));
    else forward(signalNumber(name));
  });
  const onResize = (): void => void session.resize(terminalSize(machine)).catch(() => {});
  if (request.tty !== undefined) machine.stdout.on('resize', onResize);
  let cancelGrace = (): void => {};
  const onBroken = (): void => {
    forward(SIGPIPE);
    cancelGrace = machine.clock.after(BROKEN_PIPE_GRACE_MS, () => giveUp(statusOfSignal(SIGPIPE)));
  };

  let stopInput = (): void => {};
  try {
    if (keyboard !== undefined) await machine.rawOutput();
    keyboard?.handOver();
    stopInput = pumpIn(machine.stdin, session.stdin);
    const output = [
      pumpOut(session.stdout, machine.stdout, onBroken),
      pumpOut(session.stderr, machine.stderr, () => {}),
    ];
    const ended = Promise.all([session.exit, ...output]).then(([end]) => statusOf(end));
    return await Promise.race([ended, givenUp]);
  } finally {
    cancelGrace();
    stopInput();
    machine.stdout.off('resize', onResize);
    stopListening();
    session.close();
    keyboard?.close();
  }
}

/** Signals that end the session: the terminal is gone, or, where keys pass by us, somebody else wants us to end. */
function closes(name: HandledSignal, hasTerminal: boolean): boolean {
  return name === 'SIGHUP' || (hasTerminal && name === 'SIGTERM');
}

/** True when asked again within the time that means insistence. */
function insistence(monotonic: () => number): () => boolean {
  let last = -Infinity;
  return () => {
    const now = monotonic();
    const again = now - last < INSIST_MS;
    last = now;
    return again;
  };
}

function statusOf(end: ExecEnd): number {
  if (!('error' in end)) return statusOfEnd(end);
  throw toldError(end.error);
}
