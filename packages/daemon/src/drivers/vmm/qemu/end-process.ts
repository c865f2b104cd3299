import { BangerError } from '@banger/contract/error';
import type { Clock } from '../../../host/clock.ts';
import type { ProcessIdentity, ProcessTable } from '../../../host/process-identity.ts';

/** How often a process that is to end is looked at: its end is waited for by a person, and a look takes microseconds. */
const POLL_MS = 5;
/** QEMU closes its disks at SIGTERM; with the host's disk idle that takes milliseconds. */
const TERM_GRACE_MS = 2_000;
/** A killed process is gone when the kernel has freed its memory: under a second for each 10 GiB. */
const KILL_DEADLINE_MS = 10_000;
/** From the breaking of its control socket to the end of a dying process; a core dump takes most of it. */
export const DYING_MS = 500;

/** What ending a process needs. */
export interface Killing {
  readonly processes: Pick<ProcessTable, 'isAlive' | 'signal'>;
  readonly clock: Clock;
}

/** Waits until a process is gone; false when it still runs after `ms`. */
export async function waitForExit(
  { processes, clock }: Killing,
  process: ProcessIdentity,
  ms: number,
): Promise<boolean> {
  const deadline = clock.monotonic() + ms;
  while (processes.isAlive(process)) {
    if (clock.monotonic() >= deadline) return false;
    await clock.sleep(POLL_MS);
  }
  return true;
}

/** Sends a signal and waits for the end; rejects with `vmm_failed` when the process lives on. */
export async function killProcess(
  killing: Killing,
  process: ProcessIdentity,
  signal: NodeJS.Signals,
): Promise<void> {
  killing.processes.signal(process, signal);
  if (await waitForExit(killing, process, KILL_DEADLINE_MS)) return;
  throw new BangerError(
    'vmm_failed',
    `QEMU, process ${process.pid}, still runs ${KILL_DEADLINE_MS / 1000} s after ${signal}.`,
    { details: { pid: process.pid, signal } },
  );
}

/** Ends a process: SIGTERM, so that it closes its disks, and SIGKILL when that is not enough. */
export async function endProcess(killing: Killing, process: ProcessIdentity): Promise<void> {
  killing.processes.signal(process, 'SIGTERM');
  if (await waitForExit(killing, process, TERM_GRACE_MS)) return;
  await killProcess(killing, process, 'SIGKILL');
}
