import { stat } from 'node:fs/promises';
import { BangerError, isBangerError } from '@banger/contract/error';
import type { Clock } from '../../../host/clock.ts';
import type { ProcessIdentity, ProcessTable } from '../../../host/process-identity.ts';
import type { Runner, SpawnedProcess } from '../../../host/runner.ts';
import type { VmSpec } from '../driver.ts';
import { checkSpec } from '../check-spec.ts';
import { qemuArgv, socketsOf } from './argv.ts';
import { deathHint } from './death-hint.ts';
import { DYING_MS, killProcess, waitForExit } from './end-process.ts';
import type { QemuHandle } from './handle.ts';
import { logTail } from './log-tail.ts';
import { awaitNetworkSocket } from './network-socket.ts';
import { QmpConnection } from './qmp-connection.ts';
import { RunningQemu } from './running-qemu.ts';

/** QEMU listens some 30 ms after its start: it is looked for this often. */
const SOCKET_POLL_MS = 5;
/** From the start of QEMU to its control socket. Starting eight at once on two cores took under 2 s. */
const SOCKET_DEADLINE_MS = 30_000;
/** Permissions of group and others. */
const OTHERS = 0o077;

/** What starting a QEMU needs of the host. */
export interface LaunchDeps {
  readonly runner: Runner;
  readonly processes: ProcessTable;
  readonly clock: Clock;
}

/** The QEMU to start. */
export interface QemuProgram {
  readonly binary: string;
  /** Name of a firmware that boots faster than QEMU's default one; the default when undefined. */
  readonly firmware: string | undefined;
}

/** Starts QEMU and resolves when it answers; whatever fails, no process is left. See `Launcher.launch`. */
export async function launchQemu(
  deps: LaunchDeps,
  program: QemuProgram,
  spec: VmSpec,
  signal: AbortSignal = new AbortController().signal,
): Promise<RunningQemu> {
  const sockets = socketsOf(spec.dir);
  await checkSpec(spec, Object.values(sockets));
  if (signal.aborted) throw cancelled();
  const vmmLogStart = await sizeOf(spec.vmmLog);
  const child = await deps.runner.spawnDetached(qemuArgv(program.binary, spec, program.firmware), {
    cwd: spec.dir,
    logFile: spec.vmmLog,
  });
  const process = deps.processes.identify(child.pid);
  try {
    if (process === undefined) throw await died(child, spec.vmmLog, vmmLogStart);
    const qmp = await firstConnection(deps, process, sockets.control, signal, () => {
      return died(child, spec.vmmLog, vmmLogStart);
    });
    await Promise.all(Object.values(sockets).map(checkPrivate));
    if (spec.network.kind === 'stream') {
      await awaitNetworkSocket(qmp, deps.clock, spec.network.socket);
      await checkPrivate(spec.network.socket);
    }
    const handle: QemuHandle = {
      driver: 'qemu',
      id: spec.id,
      token: spec.token,
      process,
      controlSocket: sockets.control,
      agentSocket: sockets.agent,
      version: qmp.version,
      accel: spec.accel,
      vmmLog: spec.vmmLog,
      vmmLogStart,
    };
    return await RunningQemu.attend(handle, qmp, deps, child.exited);
  } catch (error) {
    if (process !== undefined) await killProcess(deps, process, 'SIGKILL');
    throw error;
  }
}

/** Connects as soon as QEMU listens; its death and the signal end the wait. */
async function firstConnection(
  { clock, processes }: LaunchDeps,
  process: ProcessIdentity,
  path: string,
  signal: AbortSignal,
  death: () => Promise<BangerError>,
): Promise<QmpConnection> {
  const deadline = clock.monotonic() + SOCKET_DEADLINE_MS;
  for (;;) {
    if (signal.aborted) throw cancelled();
    try {
      return await QmpConnection.open(path, clock, signal);
    } catch (error) {
      if (signal.aborted) throw cancelled();
      // A QEMU that is ending breaks its connections first.
      if (await waitForExit({ processes, clock }, process, isNotListening(error) ? 0 : DYING_MS))
        throw await death();
      if (!isNotListening(error)) throw error;
    }
    if (clock.monotonic() >= deadline)
      throw new BangerError(
        'vmm_failed',
        `QEMU did not listen within ${SOCKET_DEADLINE_MS / 1000} s of its start.`,
      );
    await clock.sleep(SOCKET_POLL_MS);
  }
}

/** connect(2) found no socket yet, or one that a QEMU of before left. */
function isNotListening(error: unknown): boolean {
  const cause = isBangerError(error) ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
  return cause?.code === 'ENOENT' || cause?.code === 'ECONNREFUSED';
}

/** Why QEMU ended before it answered. */
async function died(child: SpawnedProcess, log: string, start: number): Promise<BangerError> {
  const { exitCode, signal } = await child.exited;
  const words = await logTail(log, start);
  const how = signal === null ? `exit code ${exitCode}` : signal;
  const text = words.length === 0 ? 'It said nothing.' : words.join('\n');
  const hint = deathHint(text);
  return new BangerError('vmm_failed', `QEMU ended at its start (${how}): ${text}`, {
    ...(hint === undefined ? {} : { hint }),
    details: { exitCode, signal, log },
  });
}

/** QEMU makes its sockets with our umask, which is 077 in the daemon; anything wider is refused rather than mended. */
async function checkPrivate(path: string): Promise<void> {
  const { mode } = await stat(path);
  if ((mode & OTHERS) === 0) return;
  throw new BangerError(
    'path_unsafe',
    `QEMU's socket ${path} can be opened by others (mode ${(mode & 0o777).toString(8)}).`,
    {
      hint: 'The daemon must run with umask 077.',
      details: { path },
    },
  );
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw cause;
  }
}

function cancelled(): BangerError {
  return new BangerError('cancelled', 'The start of the virtual machine was cancelled.');
}
