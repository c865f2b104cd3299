/** How a program of the host ended. */
export interface RunResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** What a run may be given besides its argv. */
export interface RunOptions {
  readonly cwd?: string;
  /** Comes on top of what every program gets: user, locale, PATH and proxies, nothing else of our own environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
  /** Ends the program (SIGTERM, then SIGKILL) when it fires; the run rejects with `cancelled`. */
  readonly signal?: AbortSignal;
  /** Milliseconds after which the program is ended and the run rejects with `command_failed`. */
  readonly timeoutMs?: number;
  /** Called with each whole line as it comes, for progress. */
  readonly onLine?: (stream: 'stdout' | 'stderr', line: string) => void;
  /** Exit codes that are an answer and no failure; only 0 unless told. */
  readonly okExitCodes?: readonly number[];
}

/** A program that outlives the call which started it. */
export interface SpawnedProcess {
  readonly pid: number;
  /** Resolves when it has ended; never rejects. */
  readonly exited: Promise<{ readonly exitCode: number | null; readonly signal: NodeJS.Signals | null }>;
  kill(signal: NodeJS.Signals): void;
}

/** What a spawned program's file descriptors are: a file opened by us for appending, or nothing. */
export interface SpawnOptions {
  readonly cwd?: string;
  /** Comes on top of what every program gets: user, locale and PATH, nothing else of our own environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** File that gets stdout and stderr, created 0600; nothing is kept when absent. */
  readonly logFile?: string;
}

/** The only way to start a program: argv arrays, never a shell string. */
export interface Runner {
  /**
   * Runs a program to its end. Rejects with `missing_tool` when it is not installed, `command_failed`
   * (message: its last stderr lines; details: argv, exitCode) when it fails, `cancelled` when stopped by the signal.
   */
  run(argv: readonly [string, ...string[]], options?: RunOptions): Promise<RunResult>;
  /** Starts a program in a session of its own (setsid), so that no terminal and no signal to our process group ends it with us. */
  spawnDetached(argv: readonly [string, ...string[]], options?: SpawnOptions): Promise<SpawnedProcess>;
  /** Absolute path of a program on PATH (and the sbin directories), or undefined. */
  which(program: string): Promise<string | undefined>;
}
