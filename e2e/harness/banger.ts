import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { processesOf } from './leftovers.ts';

const ROOT = join(import.meta.dirname, '../..');

/** The artifact under test: the bundle, unless `BANGER_BIN` names another. */
export const BANGER_BIN = process.env['BANGER_BIN'] ?? join(ROOT, 'dist/banger.mjs');

/** How often a home's processes are looked at while a command runs; a VM lives for some seconds, a look takes milliseconds. */
const LOOK_MS = 1_000;

/** How a program ended, and all that it wrote. */
export interface Outcome {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a run may be given. */
export interface RunOptions {
  readonly home: string;
  readonly input?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  /** Another build's command line. */
  readonly bin?: string;
  /** Called once it runs, for signals. */
  readonly onStart?: (child: ChildProcess) => void;
}

/** Starts the command line with pipes; it ends with the test file at the latest. */
export function startBanger(
  argv: readonly string[],
  { home, env = {}, bin = BANGER_BIN }: Pick<RunOptions, 'home' | 'env' | 'bin'>,
): ChildProcess {
  return spawn(process.execPath, [bin, ...argv], {
    env: { ...process.env, ...env, BANGER_HOME: home },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
}

/** Runs the command line to its end. */
export async function banger(argv: readonly string[], options: RunOptions): Promise<Outcome> {
  const child = startBanger(argv, options);
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
  // A program that ends before it has read its input is no failure of the test.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(options.input ?? '');
  options.onStart?.(child);
  // So that a later look knows which processes were this home's, when nothing else tells it any more.
  const looks = setInterval(() => processesOf(options.home), LOOK_MS);
  const [status, signal] = (await once(child, 'close').finally(() => clearInterval(looks))) as [
    number | null,
    NodeJS.Signals | null,
  ];
  processesOf(options.home);
  return {
    status,
    signal,
    stdout: Buffer.concat(stdout).toString('utf8'),
    stderr: Buffer.concat(stderr).toString('utf8'),
  };
}

/** Runs it, expects success and parses what `--json` printed. */
export async function bangerJson<T>(argv: readonly string[], options: RunOptions): Promise<T> {
  const outcome = await banger([...argv, '--json'], options);
  if (outcome.status !== 0)
    throw new Error(`banger ${argv.join(' ')} ended with ${outcome.status}:\n${outcome.stderr}`);
  return JSON.parse(outcome.stdout) as T;
}
