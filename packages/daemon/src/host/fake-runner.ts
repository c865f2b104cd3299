import { BangerError } from '@banger/contract/error';
import type { RunOptions, RunResult, Runner, SpawnedProcess } from './runner.ts';

/** What a program of a pretended machine does: gets its arguments, answers its stdout. */
export type FakeProgram = (args: readonly string[], options: RunOptions) => Promise<string> | string;

/** Ends a pretended program with an exit code and what it says on stderr. */
export class FakeExit extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, stderr: string) {
    super(stderr);
    this.exitCode = exitCode;
  }
}

/** A runner on a machine that has only these programs; as strict about cancelling and exit codes as the real one. */
export class FakeRunner implements Runner {
  /** Every argv that was run, in order. */
  readonly runs: (readonly string[])[] = [];
  readonly #programs: Readonly<Record<string, FakeProgram>>;

  constructor(programs: Readonly<Record<string, FakeProgram>>) {
    this.#programs = programs;
  }

  async run(argv: readonly [string, ...string[]], options: RunOptions = {}): Promise<RunResult> {
    const [program, ...args] = argv;
    const isStopped = (): boolean => options.signal?.aborted === true;
    const cancelled = (): BangerError => new BangerError('cancelled', `${program} was stopped.`);
    if (isStopped()) throw cancelled();
    this.runs.push(argv);
    const play = this.#programs[program];
    if (play === undefined)
      throw new BangerError('missing_tool', `The program ${program} is not installed.`, {
        details: { program },
      });
    try {
      const stdout = await play(args, options);
      if (isStopped()) throw cancelled();
      for (const line of stdout.split('\n').filter(Boolean)) options.onLine?.('stdout', line);
      return { stdout, stderr: '', exitCode: 0 };
    } catch (error) {
      if (isStopped()) throw cancelled();
      if (!(error instanceof FakeExit)) throw error;
      const { exitCode, message } = error;
      for (const line of message.split('\n')) options.onLine?.('stderr', line);
      if (options.okExitCodes?.includes(exitCode) === true) return { stdout: '', stderr: message, exitCode };
      throw new BangerError('command_failed', `${program} failed with exit code ${exitCode}: ${message}`, {
        details: { argv, exitCode },
      });
    }
  }

  async spawnDetached(argv: readonly [string, ...string[]]): Promise<SpawnedProcess> {
    throw new BangerError('missing_tool', `The pretended machine starts no ${argv[0]} in the background.`);
  }

  async which(program: string): Promise<string | undefined> {
    return this.#programs[program] === undefined ? undefined : `/usr/bin/${program}`;
  }
}
