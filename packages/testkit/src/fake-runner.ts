import { once } from 'node:events';
import { isDeepStrictEqual } from 'node:util';
import { BangerError } from '@banger/contract/error';
import type { Runner, RunOptions, RunResult, SpawnedProcess, SpawnOptions } from '@banger/daemon/host/runner';

/** What a scripted program does. */
export interface ScriptedRun {
  readonly stdout?: string;
  readonly stderr?: string;
  /** 0 unless told. */
  readonly exitCode?: number;
  /** What the program does to the world, before it ends; it may throw. */
  readonly effect?: (argv: readonly string[], options: RunOptions) => void | Promise<void>;
  /** True: it runs until its call is cancelled. */
  readonly hangs?: boolean;
}

/** One expected argument: the exact text, or a test of it. */
export type ExpectedArgument = string | ((argument: string) => boolean);

/** A detached program that the test ends. */
export interface FakeProcess extends SpawnedProcess {
  readonly argv: readonly string[];
  readonly options: SpawnOptions;
  /** Signals that were sent to it, oldest first. It ends by SIGKILL and SIGTERM, as most programs do. */
  readonly signals: readonly NodeJS.Signals[];
  exit(exitCode: number): void;
}

interface Expectation {
  readonly argv: readonly ExpectedArgument[];
  readonly kind: 'run' | 'spawn';
  readonly script: ScriptedRun;
}

/** Pids of fake processes begin above any that Linux gives (PID_MAX_LIMIT is 2^22), so that a real kill hits nobody. */
const FIRST_FAKE_PID = 5_000_000;

/**
 * A runner that starts nothing: each program must have been announced, in order, with its exact argv. `verify` fails
 * when something announced was not run. Errors and cancellation are those of the real runner.
 */
export class FakeRunner implements Runner {
  readonly #expected: Expectation[] = [];
  readonly #programs: Map<string, string>;
  readonly #spawned: FakeProcess[] = [];
  #nextPid = FIRST_FAKE_PID;

  /** `programs`: what is installed, name to absolute path; any other program rejects with `missing_tool`. */
  constructor(programs: Readonly<Record<string, string>>) {
    this.#programs = new Map(Object.entries(programs));
  }

  /** Announces the next `run`. */
  expectRun(argv: readonly ExpectedArgument[], script: ScriptedRun = {}): this {
    this.#expected.push({ argv, kind: 'run', script });
    return this;
  }

  /** Announces the next `spawnDetached`. */
  expectSpawn(argv: readonly ExpectedArgument[], script: Pick<ScriptedRun, 'effect'> = {}): this {
    this.#expected.push({ argv, kind: 'spawn', script });
    return this;
  }

  /** Detached programs started so far. */
  get spawned(): readonly FakeProcess[] {
    return this.#spawned;
  }

  /** Throws when something announced was not run. */
  verify(): void {
    const left = this.#expected.map(({ kind, argv }) => `${kind} ${argv.map(String).join(' ')}`);
    if (left.length > 0) throw new Error(`Expected programs were not run:\n${left.join('\n')}`);
  }

  async run(argv: readonly [string, ...string[]], options: RunOptions = {}): Promise<RunResult> {
    const cancelled = (): BangerError =>
      new BangerError('cancelled', `${argv[0]} was stopped because the call was cancelled.`);
    const { signal } = options;
    if (isAborted(signal)) throw cancelled();
    this.#requireInstalled(argv[0]);
    const script = this.#take('run', argv);
    await script.effect?.(argv, options);
    if (script.hangs === true) await aborted(argv[0], signal);
    if (isAborted(signal)) throw cancelled();
    const result = {
      stdout: script.stdout ?? '',
      stderr: script.stderr ?? '',
      exitCode: script.exitCode ?? 0,
    };
    for (const stream of ['stdout', 'stderr'] as const)
      for (const line of result[stream].split('\n').slice(0, -1)) options.onLine?.(stream, line);
    if (!(options.okExitCodes ?? [0]).includes(result.exitCode))
      throw new BangerError(
        'command_failed',
        `${argv[0]} failed with exit code ${result.exitCode}: ${result.stderr.trim()}`,
        { details: { argv, exitCode: result.exitCode } },
      );
    return result;
  }

  async spawnDetached(
    argv: readonly [string, ...string[]],
    options: SpawnOptions = {},
  ): Promise<SpawnedProcess> {
    this.#requireInstalled(argv[0]);
    await this.#take('spawn', argv).effect?.(argv, options);
    const process = fakeProcess(this.#nextPid++, argv, options);
    this.#spawned.push(process);
    return process;
  }

  async which(program: string): Promise<string | undefined> {
    return this.#programs.get(program);
  }

  #requireInstalled(program: string): void {
    if (!this.#programs.has(program) && ![...this.#programs.values()].includes(program))
      throw new BangerError('missing_tool', `The program ${program} is not installed.`, {
        details: { program },
      });
  }

  #take(kind: 'run' | 'spawn', argv: readonly string[]): ScriptedRun {
    const next = this.#expected.shift();
    if (next === undefined) throw new Error(`Unexpected ${kind}: ${argv.join(' ')}`);
    const wanted = next.argv.map((expected, index) => {
      const argument = argv[index];
      return typeof expected === 'string' || argument === undefined || !expected(argument)
        ? expected
        : argument;
    });
    if (next.kind !== kind || !isDeepStrictEqual(wanted, [...argv]))
      throw new Error(
        `Expected ${next.kind}: ${wanted.map(String).join(' ')}\nbut got ${kind}: ${argv.join(' ')}`,
      );
    return next.script;
  }
}

function isAborted(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true;
}

async function aborted(program: string, signal: AbortSignal | undefined): Promise<void> {
  if (signal === undefined) throw new Error(`${program} hangs and the call cannot be cancelled`);
  if (!signal.aborted) await once(signal, 'abort');
}

function fakeProcess(pid: number, argv: readonly string[], options: SpawnOptions): FakeProcess {
  const signals: NodeJS.Signals[] = [];
  const { promise, resolve } = Promise.withResolvers<Awaited<SpawnedProcess['exited']>>();
  return {
    pid,
    argv,
    options,
    signals,
    exited: promise,
    kill: (signal) => {
      signals.push(signal);
      if (signal === 'SIGKILL' || signal === 'SIGTERM') resolve({ exitCode: null, signal });
    },
    exit: (exitCode) => resolve({ exitCode, signal: null }),
  };
}
