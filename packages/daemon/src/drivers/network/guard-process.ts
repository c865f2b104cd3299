import { access, open, rm, stat } from 'node:fs/promises';
import { MAX_SOCKET_PATH_BYTES } from '../../domain/socket-path.ts';
import { BangerError } from '@banger/contract/error';
import type { Clock } from '../../host/clock.ts';
import type { ProcessIdentity, ProcessTable } from '../../host/process-identity.ts';
import type { Runner, SpawnedProcess } from '../../host/runner.ts';

/** The machine as the guard's process needs it. */
export interface GuardHost {
  readonly runner: Runner;
  readonly processes: Pick<ProcessTable, 'identify' | 'isAlive' | 'signal' | 'ageMs'>;
  readonly clock: Clock;
}

/** Above netguard's own limit for passt (10 s) by what its VMM may still take, so that its reason comes before ours. */
const READY_TIMEOUT_MS = 15_000;
/** netguard is ready some 60 ms after its start, and ends within one or two; a look costs microseconds. */
const READY_POLL_MS = 2;
/** netguard has nothing to do at its end, so SIGTERM ends it at once; after this comes SIGKILL. */
const END_TIMEOUT_MS = 2_000;
/** What is read of the log for the reason of a failure. */
const REASON_BYTES = 4_096;
/** netguard binds `PATH.new` first, and renames it. */
const SOCKET_PATH_MAX = MAX_SOCKET_PATH_BYTES - '.new'.length;

/** Removes what an earlier run left at the control socket's path; refuses a path that no socket can have. */
export async function clearControl(control: string): Promise<void> {
  if (Buffer.byteLength(control) > SOCKET_PATH_MAX)
    throw new BangerError(
      'network_failed',
      `The socket path ${control} is longer than ${SOCKET_PATH_MAX} bytes.`,
      { hint: 'Set BANGER_HOME to a directory with a shorter name.' },
    );
  await Promise.all([control, `${control}.new`].map((path) => rm(path, { force: true })));
}

/** A netguard that runs. */
export interface StartedGuard {
  readonly identity: ProcessIdentity;
  /** Resolves once passt serves and the VMM is connected. Rejects with `network_failed`, the reason, or `cancelled`. */
  ready(signal: AbortSignal): Promise<void>;
}

/** Starts netguard, which makes the socket `control` when it is ready. What ends at once has left nothing. */
export async function startGuard(
  host: GuardHost,
  argv: readonly [string, ...string[]],
  { control, logFile }: { readonly control: string; readonly logFile: string },
): Promise<StartedGuard> {
  await clearControl(control);
  const logStart = await stat(logFile).then(
    ({ size }) => size,
    () => 0,
  );
  const guard = await host.runner.spawnDetached(argv, { logFile });
  const identity = host.processes.identify(guard.pid);
  const ready = async (signal?: AbortSignal): Promise<void> => {
    try {
      await appeared(host.clock, guard, control, signal);
    } catch (cause) {
      if (signal?.aborted === true)
        throw new BangerError('cancelled', 'Setting up the network was cancelled.', { cause });
      const reason = await reasonIn(logFile, logStart);
      throw new BangerError(
        'network_failed',
        `The network of the VM could not be started${reason === '' ? '' : `: ${reason}`}.`,
        { cause },
      );
    }
  };
  if (identity !== undefined) return { identity, ready };
  // It has ended already, and says why.
  guard.kill('SIGKILL');
  await guard.exited;
  await clearControl(control);
  await ready();
  throw new BangerError('network_failed', 'The network process has ended.');
}

/** Waits until the file is there; rejects when the process ends before, or takes too long. */
async function appeared(
  clock: Clock,
  guard: SpawnedProcess,
  path: string,
  signal?: AbortSignal,
): Promise<void> {
  const deadline = clock.monotonic() + READY_TIMEOUT_MS;
  let ended = false;
  void guard.exited.then(() => (ended = true));
  for (;;) {
    if (signal?.aborted === true || ended)
      throw new BangerError('network_failed', 'The network process has ended.');
    if (
      await access(path).then(
        () => true,
        () => false,
      )
    )
      return;
    if (clock.monotonic() > deadline)
      throw new BangerError('network_failed', 'The network process does not get ready.');
    await clock.sleep(READY_POLL_MS, signal);
  }
}

/** What netguard said since `start`, without its time stamps. */
async function reasonIn(logFile: string, start: number): Promise<string> {
  try {
    const file = await open(logFile);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(REASON_BYTES), 0, REASON_BYTES, start);
      const lines = buffer.toString('utf8', 0, bytesRead).trim().split('\n');
      return lines.map((line) => line.replace(/^\S+ netguard: /, '')).join('; ');
    } finally {
      await file.close();
    }
  } catch {
    return '';
  }
}

/** Ends netguard, which takes passt with it, and removes its socket. Does nothing where that has happened already. */
export async function endGuard(host: GuardHost, guard: ProcessIdentity, control: string): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (!host.processes.signal(guard, signal)) break;
    const deadline = host.clock.monotonic() + END_TIMEOUT_MS;
    while (host.processes.isAlive(guard) && host.clock.monotonic() < deadline)
      await host.clock.sleep(READY_POLL_MS);
  }
  if (host.processes.isAlive(guard))
    throw new BangerError('network_failed', `The network process ${guard.pid} does not end.`, {
      hint: `End it with \`kill -9 ${guard.pid}\`.`,
      details: { ...guard },
    });
  await clearControl(control);
}
