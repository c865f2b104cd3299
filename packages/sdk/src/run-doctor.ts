import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { DOCTOR_ARGUMENT } from '@banger/contract/daemon-argument';
import { readStartFailure } from '@banger/contract/daemon-exit';
import type { DoctorReport } from '@banger/contract/doctor';
import { BangerError } from '@banger/contract/error';
import { cancelled } from './call-errors.ts';

/** Each program that the doctor asks has 10 s to answer, and all are asked at once; the rest is for a loaded machine. */
const DOCTOR_MS = 30_000;
/** What is shown of a doctor that says something else: its last words. */
const SHOWN_CHARACTERS = 2_000;

/** How the doctor is run. */
export interface DoctorOptions {
  /** The argv of the daemon. */
  readonly command: readonly [program: string, ...args: string[]];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal?: AbortSignal;
  readonly doctorMs?: number;
}

/**
 * Has the daemon's program look at the host without serving: for where no daemon can be asked. Nothing is made or changed by it. Rejects
 * with `daemon_unreachable` and its last words when it gives no report, and with `cancelled`.
 */
export async function runDoctor(options: DoctorOptions): Promise<DoctorReport> {
  const { command, env, signal, doctorMs = DOCTOR_MS } = options;
  const [program, ...args] = command;
  const limit = AbortSignal.timeout(doctorMs);
  const child = spawn(program, [...args, DOCTOR_ARGUMENT], {
    cwd: '/',
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
    signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
    // It has nothing to put right.
    killSignal: 'SIGKILL',
  });
  const [stdout, stderr, end] = await Promise.all([text(child.stdout), text(child.stderr), ended(child)]);
  if (signal?.aborted === true) throw cancelled();
  const report = end === 0 ? readReport(stdout) : undefined;
  if (report !== undefined) return report;
  throw (
    readStartFailure(stderr.trim().split('\n').at(-1) ?? '') ??
    failed(limit.aborted ? `not over after ${doctorMs / 1000} s` : end, stderr)
  );
}

/** Its exit status, signal, or why it could not be started. */
async function ended(child: ChildProcess): Promise<number | string> {
  try {
    const [status, signal] = (await once(child, 'close')) as [number | null, string | null];
    return status ?? signal ?? 'unknown';
  } catch (cause) {
    return (cause as Error).message;
  }
}

function readReport(stdout: string): DoctorReport | undefined {
  try {
    const report = JSON.parse(stdout) as Partial<DoctorReport> | null;
    return Array.isArray(report?.checks) ? (report as DoctorReport) : undefined;
  } catch {
    return undefined;
  }
}

function failed(end: number | string, stderr: string): BangerError {
  const words = stderr.trim().slice(-SHOWN_CHARACTERS);
  const what = `The daemon's program could not look at this host (${typeof end === 'number' ? `exit status ${end}` : end}).`;
  return new BangerError('daemon_unreachable', words === '' ? what : `${what} Its last words:\n${words}`, {
    hint: 'Check that the installation is whole: `make build` makes it anew.',
  });
}
