import { BangerError, toBangerError } from '@banger/contract/error';
import { isSession, readCommandLine, type CommandLine } from './command-line.ts';
import { openContext } from './context.ts';
import { exitStatus, signalNumber, statusOfError, statusOfSignal } from './exit-status.ts';
import { isBrokenPipe, outputError } from './output-error.ts';
import type { Machine } from './machine.ts';
import { chooseReporter } from './progress/choose.ts';
import type { Reporter } from './progress/reporter.ts';
import { errorText } from './render/error.ts';
import { jsonText } from './render/json.ts';
import { errorJson, itemsOf, renderJson, renderText } from './render/render.ts';
import { hasColour } from './render/style.ts';
import type { View } from './render/view.ts';
import type { HandledSignal } from './terminal/signals.ts';

/** Columns of help texts where standard output has no width. */
const HELP_COLUMNS = 100;
/** What POSIX shells tell of a program that wrote into a pipe which nobody reads: 128 + SIGPIPE. */
const BROKEN_PIPE_STATUS = statusOfSignal(13);

/**
 * Runs one command line, without the program's own name, and resolves with the exit status. Results go to standard
 * output, everything else to standard error; never rejects.
 */
export async function runCli(argv: readonly string[], machine: Machine): Promise<number> {
  const { stdout } = machine;
  let line: CommandLine;
  try {
    line = await readCommandLine(argv, stdout.columns || HELP_COLUMNS);
  } catch (thrown) {
    const dashes = argv.indexOf('--');
    const json = argv.slice(0, dashes < 0 ? undefined : dashes).includes('--json');
    const error = toBangerError(thrown);
    showError(error, machine, json, chooseReporter(machine, { json, quiet: false }));
    return statusOfError(error, await isSession(argv));
  }
  try {
    if (line.kind === 'command') return await runCommand(line, machine);
    await write(machine, line.text.trimEnd());
    return exitStatus.done;
  } catch (thrown) {
    if (isBrokenPipe(thrown)) return BROKEN_PIPE_STATUS;
    const error = toBangerError(outputError(thrown));
    showError(error, machine, false, chooseReporter(machine, { json: false, quiet: false }));
    return statusOfError(error, false);
  }
}

async function runCommand(
  { command, input, json, quiet }: Extract<CommandLine, { kind: 'command' }>,
  machine: Machine,
): Promise<number> {
  const reporter = chooseReporter(machine, { json, quiet });
  const interruption = new AbortController();
  let interruptedBy: HandledSignal | undefined;
  const stopListening = machine.signals.listen((signal) => {
    // A terminal that goes away may tell so more than once; only a person who insists is not kept waiting.
    if (interruptedBy !== undefined && signal !== 'SIGHUP')
      machine.exit(statusOfSignal(signalNumber(signal)));
    interruptedBy ??= signal;
    interruption.abort(new BangerError('cancelled', `Interrupted by ${signal}.`, { hint: '' }));
  });
  const show = (error: BangerError): void => showError(error, machine, json, reporter);
  const context = openContext({ machine, reporter, json, signal: interruption.signal, showError: show });
  const interruptedStatus = (): number | undefined =>
    interruptedBy === undefined ? undefined : statusOfSignal(signalNumber(interruptedBy));
  try {
    const { view, status = exitStatus.done } = await command.run(context, input);
    reporter.clear();
    if (view !== undefined) await showView(view, machine, { json, quiet, show });
    return interruptedStatus() ?? status;
  } catch (thrown) {
    if (isBrokenPipe(thrown)) return BROKEN_PIPE_STATUS;
    const error = toBangerError(
      interruption.signal.aborted && isAbort(thrown) ? interruption.signal.reason : outputError(thrown),
    );
    show(error);
    return interruptedStatus() ?? statusOfError(error, command.session === true);
  } finally {
    stopListening();
    context.close();
  }
}

/** Standard output gets the view; of several names those that failed are told as errors, in the order given. */
async function showView(
  view: View,
  machine: Machine,
  { json, quiet, show }: { json: boolean; quiet: boolean; show: (error: BangerError) => void },
): Promise<void> {
  const { stdout, env, clock } = machine;
  // A terminal that does not know its width says 0.
  const width = stdout.isTTY === true ? stdout.columns || undefined : undefined;
  const screen = { width, colour: hasColour(stdout, env), quiet, now: clock.now() };
  const text = json ? renderJson(view) : await renderText(view, screen);
  if (text !== '') await write(machine, text);
  if (!json) for (const item of itemsOf(view) ?? []) if (!item.ok) show(item.error);
}

function write({ stdout }: Machine, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    stdout.write(`${text}\n`, (error) => (error ? reject(error) : resolve()));
  });
}

function showError(error: BangerError, { stderr, env }: Machine, json: boolean, reporter: Reporter): void {
  reporter.line(json ? jsonText({ error: errorJson(error) }) : errorText(error, hasColour(stderr, env)));
}

function isAbort(thrown: unknown): boolean {
  return (
    (thrown as Error | null)?.name === 'AbortError' || (thrown as BangerError | null)?.code === 'cancelled'
  );
}
