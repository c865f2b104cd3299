import { execa } from 'execa';
import { BangerError } from '@banger/contract/error';
import { childEnvironment, type ChildEnvironment, type Environment } from './child-environment.ts';
import { systemClock, type Clock } from './clock.ts';
import { spawnDetached } from './detached-process.ts';
import { failure, type ProgramEnd } from './program-failure.ts';
import type { RunOptions, RunResult, Runner } from './runner.ts';
import { findProgram, searchPath } from './search-path.ts';

/** Time between SIGTERM and SIGKILL: enough for mkfs or mmdebstrap to unmount and unlink, short for a person who waits. */
const TERM_GRACE_MS = 2_000;
/** How often a dying process group is looked at; a group has no event to wait for. */
const GROUP_POLL_MS = 20;
/** Output kept of one run, per stream; a program that prints more is ended, so that it cannot fill our memory. */
const MAX_OUTPUT_CHARACTERS = 64 * 1024 * 1024;

type Argv = readonly [string, ...string[]];

/**
 * The runner that starts real programs. `environment` is what children get a part of (`childEnvironment`); `process.env`
 * unless told.
 */
export function createRunner(
  options: {
    readonly environment?: Environment;
    readonly clock?: Clock;
  } = {},
): Runner {
  const environment = options.environment ?? process.env;
  const clock = options.clock ?? systemClock;

  return {
    run: (argv, runOptions = {}) =>
      run(argv, runOptions, childEnvironment(environment, { online: true, extra: runOptions.env }), clock),
    spawnDetached: (argv, spawnOptions = {}) =>
      spawnDetached(
        argv,
        spawnOptions,
        childEnvironment(environment, { online: false, extra: spawnOptions.env }),
      ),
    which: (program) => findProgram(program, searchPath(environment['PATH'])),
  };
}

async function run(argv: Argv, options: RunOptions, env: ChildEnvironment, clock: Clock): Promise<RunResult> {
  const [program] = argv;
  const [first, ...args] = await tied(argv, env.PATH);
  if (options.signal?.aborted === true) throw cancelled(program);
  const child = execa(first, args, {
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    ...(options.input === undefined ? { stdin: 'ignore' as const } : { input: options.input }),
    ...(options.signal === undefined ? {} : { cancelSignal: options.signal }),
    ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs }),
    stdout: lineTap('stdout', options.onLine),
    stderr: lineTap('stderr', options.onLine),
    env,
    extendEnv: false,
    reject: false,
    stripFinalNewline: false,
    maxBuffer: MAX_OUTPUT_CHARACTERS,
    killDescendants: true,
    forceKillAfterDelay: TERM_GRACE_MS,
  });
  const result: ProgramEnd = await child;
  if ((result.isCanceled || result.timedOut || result.isMaxBuffer) && child.pid !== undefined)
    await endGroup(child.pid, clock);
  if (result.isCanceled) throw cancelled(program);
  if (result.exitCode === undefined || !(options.okExitCodes ?? [0]).includes(result.exitCode))
    throw await failure(argv, options, result, env['PATH']);
  return { stdout: String(result.stdout), stderr: String(result.stderr), exitCode: result.exitCode };
}

/**
 * The argv by which a program is ended when we are killed (prctl(2), PR_SET_PDEATHSIG): nobody else would. That is true
 * of the program itself: not of what it has started, which must end with it by other means; not of one that changes its user, as by
 * a set-user-id file; and not when we are killed in the milliseconds before setpriv(1) has asked for it. Where there is no setpriv, which
 * every Debian has, it is the program's own argv, as it is for one that is not there: only its own absence is of interest.
 */
async function tied(argv: Argv, path: string): Promise<Argv> {
  const [setpriv, program] = await Promise.all([findProgram('setpriv', path), findProgram(argv[0], path)]);
  if (setpriv === undefined || program === undefined) return argv;
  return [setpriv, '--pdeathsig', 'KILL', '--', ...argv];
}

function lineTap(
  stream: 'stdout' | 'stderr',
  onLine: RunOptions['onLine'],
): 'pipe' | ((line: unknown) => Generator<string, void, void>) {
  if (onLine === undefined) return 'pipe';
  return function* (line: unknown) {
    onLine(stream, String(line));
    yield String(line);
  };
}

/** Waits for a process group that got SIGTERM; what is left of it after the grace gets SIGKILL. */
async function endGroup(pid: number, clock: Clock): Promise<void> {
  const deadline = clock.monotonic() + TERM_GRACE_MS;
  while (signalGroup(pid, 0)) {
    if (clock.monotonic() >= deadline) {
      signalGroup(pid, 'SIGKILL');
      return;
    }
    await clock.sleep(GROUP_POLL_MS);
  }
}

function signalGroup(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-pid, signal);
  } catch {
    return false;
  }
}

function cancelled(program: string): BangerError {
  return new BangerError('cancelled', `${program} was stopped because the call was cancelled.`);
}
