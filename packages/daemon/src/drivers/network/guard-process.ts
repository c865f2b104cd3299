import { access, open, rm, stat } from 'node:fs/promises';
import { connect } from 'node:net';
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

/** Above netguard's own limit for passt (10 s), so that its reason comes before ours. */
const READY_TIMEOUT_MS = 15_000;
/** netguard listens after some 10 ms, is ready after some 50 more, and ends within one or two; a look costs microseconds. */
const READY_POLL_MS = 2;
/** netguard has nothing to do at its end, so SIGTERM ends it at once; after this comes SIGKILL. */
const END_TIMEOUT_MS = 2_000;
/** How a connection to a netguard fails that is not there, or ends. */
const GONE: ReadonlySet<string> = new Set(['ENOENT', 'ECONNREFUSED', 'ECONNRESET', 'EPIPE']);
/** What is read of the log for the reason of a failure. */
const REASON_BYTES = 4_096;
/** netguard binds `PATH.new` first, and renames it. */
const SOCKET_PATH_MAX = MAX_SOCKET_PATH_BYTES - '.new'.length;

/** The sockets of a netguard, in one directory: for its VMM, and for a word while it runs. */
export interface GuardSockets {
  readonly socket: string;
  readonly control: string;
}

/** Removes what an earlier run left at the sockets' paths; refuses a path that no socket can have. */
async function clearSockets({ socket, control }: GuardSockets): Promise<void> {
  for (const path of [socket, control])
    if (Buffer.byteLength(path) > SOCKET_PATH_MAX)
      throw new BangerError(
        'network_failed',
        `The socket path ${path} is longer than ${SOCKET_PATH_MAX} bytes.`,
        { hint: 'Set BANGER_HOME to a directory with a shorter name.' },
      );
  const paths = [socket, `${socket}.new`, control, `${control}.new`];
  await Promise.all(paths.map((path) => rm(path, { force: true })));
}

/** A netguard that a VMM may connect to. */
export interface StartedGuard {
  readonly identity: ProcessIdentity;
  /** Resolves once passt serves; until then what the guest sends waits. Rejects with `network_failed`, the reason, or `cancelled`. */
  ready(signal: AbortSignal): Promise<void>;
}

/** Starts netguard and waits until its VMM may connect. When that fails it has ended, and its sockets are gone. */
export async function startGuard(
  host: GuardHost,
  argv: readonly [string, ...string[]],
  {
    sockets,
    logFile,
    signal,
  }: { readonly sockets: GuardSockets; readonly logFile: string; readonly signal?: AbortSignal },
): Promise<StartedGuard> {
  await clearSockets(sockets);
  const logStart = await stat(logFile).then(
    ({ size }) => size,
    () => 0,
  );
  const guard = await host.runner.spawnDetached(argv, { logFile });
  const until = async (path: string, either?: AbortSignal): Promise<void> => {
    try {
      await appeared(host.clock, guard, path, either);
    } catch (cause) {
      if (either?.aborted === true)
        throw new BangerError('cancelled', 'Setting up the network was cancelled.', { cause });
      const reason = await reasonIn(logFile, logStart);
      throw new BangerError(
        'network_failed',
        `The network of the VM could not be started${reason === '' ? '' : `: ${reason}`}.`,
        { cause },
      );
    }
  };
  try {
    const identity = host.processes.identify(guard.pid);
    await until(sockets.socket, signal);
    if (identity === undefined) throw new BangerError('network_failed', 'The network process has ended.');
    return { identity, ready: (either) => until(sockets.control, either) };
  } catch (error) {
    guard.kill('SIGKILL');
    await guard.exited;
    await clearSockets(sockets);
    throw error;
  }
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

/** Ends netguard, which takes passt with it, and removes its sockets. Does nothing where that has happened already. */
export async function endGuard(
  host: GuardHost,
  guard: ProcessIdentity,
  sockets: GuardSockets,
): Promise<void> {
  for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
    if (!host.processes.signal(guard, signal)) break;
    const deadline = host.clock.monotonic() + END_TIMEOUT_MS;
    while (host.processes.isAlive(guard) && host.clock.monotonic() < deadline)
      await host.clock.sleep(READY_POLL_MS);
  }
  if (host.processes.isAlive(guard))
    throw new BangerError('network_failed', `The network process ${guard.pid} does not end.`, {
      details: { ...guard },
    });
  await clearSockets(sockets);
}

/**
 * Ends a netguard that no VMM has come to, by its socket alone: it takes us for its VMM, and ends when that hangs up. Then
 * waits until the processes that it may be have ended, too; they are not signalled. Nothing there is fine; rejects with `network_failed`
 * and their pids when some run on, and then leaves the sockets, by which they can be found.
 */
export async function endUnattended(
  { processes, clock }: Pick<GuardHost, 'processes' | 'clock'>,
  sockets: GuardSockets,
  candidates: readonly ProcessIdentity[],
): Promise<void> {
  await hangUp(sockets.socket);
  const deadline = clock.monotonic() + END_TIMEOUT_MS;
  const remaining = (): number[] => candidates.filter((one) => processes.isAlive(one)).map(({ pid }) => pid);
  while (remaining().length > 0 && clock.monotonic() < deadline) await clock.sleep(READY_POLL_MS);
  const pids = remaining();
  if (pids.length > 0)
    throw new BangerError(
      'network_failed',
      `${pids.length === 1 ? 'The network process' : 'The network processes'} ${pids.join(', ')} of ${sockets.socket} ${pids.length === 1 ? 'does' : 'do'} not end.`,
      { hint: `End what is left with \`kill ${pids.join(' ')}\`.`, details: { pids } },
    );
  await clearSockets(sockets);
}

/** Connects, hangs up, and resolves when the other side has done so as well, or nobody listens. */
function hangUp(path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.setTimeout(END_TIMEOUT_MS, () =>
      socket.destroy(new BangerError('network_failed', `Who listens at ${path} does not end.`)),
    );
    socket.once('connect', () => socket.end());
    socket.resume();
    socket.once('error', (cause: NodeJS.ErrnoException) => {
      // Nobody is there, or it went without reading.
      if (GONE.has(cause.code ?? '')) resolve();
      else reject(cause);
    });
    socket.once('close', () => resolve());
  });
}
