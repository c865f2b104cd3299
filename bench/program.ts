import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

export const ROOT = join(import.meta.dirname, '..');
/** The bundle, which is what a user runs, unless `BANGER_BIN` names another. */
export const BANGER = process.env['BANGER_BIN'] ?? join(ROOT, 'dist/banger.mjs');

/** Runs a program to its end and expects success; gives its stdout. */
export async function program(argv: readonly string[], home?: string): Promise<string> {
  const [file = '', ...rest] = argv;
  const child = spawn(file, rest, {
    env: home === undefined ? process.env : { ...process.env, BANGER_HOME: home },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  const [status] = (await once(child, 'close')) as [number | null];
  if (status !== 0)
    throw new Error(`${argv.join(' ')} ended with ${status}:\n${Buffer.concat(stderr).toString()}`);
  return Buffer.concat(stdout).toString();
}

/** Runs the bundled command line. */
export function banger(argv: readonly string[], home: string): Promise<string> {
  return program([process.execPath, BANGER, ...argv], home);
}
