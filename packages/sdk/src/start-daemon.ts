import { spawn, type ChildProcess } from 'node:child_process';
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DAEMON_HELD_EXIT, readStartFailure } from '@banger/contract/daemon-exit';
import { BangerError } from '@banger/contract/error';
import type { BangerPaths } from '@banger/contract/paths';
import { RpcClient } from '@banger/rpc/client';
import { cancelled } from './call-errors.ts';
import { greet } from './greet.ts';
import { lastLines } from './last-lines.ts';
import { openSocket } from './open-socket.ts';
import { below, makeDirectory, openOwnDirectory, unsafe } from './own-directory.ts';

/** From spawn to a listening socket takes a second at most; on a cold disk or a loaded machine more. */
const START_MS = 30_000;
/** How often the socket is tried: a start is waited for by a person. */
const POLL_MS = 15;
/** Pause before another try after a daemon found the state directory held: the holder is about to listen, or to end. */
const HELD_PAUSE_MS = 250;
/** An idle daemon ends at once; one that holds the directory this long and does not listen is hung, or ends a long stop first. */
const HELD_MS = 20_000;
/** What of the log is shown when a daemon dies: its last words, not its life. */
const SHOWN_LINES = 20;
const SHOWN_BYTES = 8 * 1024;

/** How a daemon is started. */
export interface StartOptions {
  readonly paths: Pick<BangerPaths, 'socket' | 'log'>;
  /** The argv of the daemon. */
  readonly command: readonly [program: string, ...args: string[]];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly uid: number;
  readonly signal?: AbortSignal;
  readonly startMs?: number;
}

/**
 * Starts a daemon in a session of its own, with its output in the log and nothing of ours held open, and waits until its
 * socket can be used. When another daemon holds the state directory, it waits for that one instead: of several clients
 * at once, all end up at one daemon. Rejects with the daemon's own error when it could not start, else with
 * `daemon_unreachable` and its last log lines; with `path_unsafe`; with `cancelled` (the daemon then goes on starting).
 */
export async function startDaemon(options: StartOptions): Promise<void> {
  const begun = performance.now();
  const deadline = begun + (options.startMs ?? START_MS);
  const heldDeadline = Math.min(deadline, begun + HELD_MS);
  let held = await startOnce(options, deadline, undefined);
  while (held !== undefined) {
    await sleep(HELD_PAUSE_MS);
    held = await startOnce(options, heldDeadline, held);
  }
}

/**
 * One process. Undefined when a daemon listens; its refusal when it found another one at work that does not listen yet, or
 * no more. `held`: what the one before it found.
 */
async function startOnce(
  options: StartOptions,
  deadline: number,
  held: BangerError | undefined,
): Promise<BangerError | undefined> {
  const { paths, uid, signal } = options;
  const log = await openLog(paths.log, uid);
  try {
    const { size: from } = await log.stat();
    const child = new Child(options, log);
    for (;;) {
      const over = await child.over();
      const pid = await listener(options);
      if (pid !== undefined) {
        // Someone else's daemon was first. Ours would end by itself, but perhaps only after the other one was stopped.
        if (pid !== child.pid) child.dismiss();
        return undefined;
      }
      const late = performance.now() > deadline;
      if (late && over === undefined && held !== undefined) {
        child.dismiss();
        throw held;
      }
      if (over !== undefined || late) {
        const failure = await failed(paths.log, log, from, child, over);
        if (over === DAEMON_HELD_EXIT && !late) return failure;
        throw failure;
      }
      if (signal?.aborted === true) throw cancelled();
      await sleep(POLL_MS);
    }
  } finally {
    await log.close();
  }
}

/** Process id of the daemon that answers on the socket; undefined when none does yet. */
async function listener({ paths, uid, signal }: StartOptions): Promise<number | undefined> {
  const socket = await openSocket(paths.socket, uid, signal);
  if (socket === undefined) return undefined;
  const rpc = new RpcClient(socket);
  try {
    return (await greet(rpc, '', signal === undefined ? {} : { signal }))?.pid;
  } finally {
    rpc.close();
  }
}

/** The process that was started. */
class Child {
  readonly #process: ChildProcess;
  #end: number | string | undefined;

  constructor({ command: [program, ...args], env }: StartOptions, log: FileHandle) {
    this.#process = spawn(program, args, {
      // Not ours: the directory may be a mount that its user wants to take away.
      cwd: '/',
      detached: true,
      env,
      stdio: ['ignore', log.fd, log.fd],
    });
    this.#process.once('exit', (status, signal) => (this.#end = status ?? signal ?? 'unknown'));
    this.#process.once('error', (error) => (this.#end = error.message));
    this.#process.unref();
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Ends it. It is our own child and not yet waited for, so that its process id is still its own. */
  dismiss(): void {
    if (this.#end === undefined) this.#process.kill('SIGTERM');
  }

  /** Its exit status, signal or reason not to run; undefined while it runs. */
  async over(): Promise<number | string | undefined> {
    await new Promise<void>((resolve) => void setImmediate(resolve));
    return this.#end;
  }
}

/** Opens the log for appending, 0600 from birth, in a directory that is made when it is missing. */
async function openLog(path: string, uid: number): Promise<FileHandle> {
  await makeDirectory(dirname(path));
  const directory = await openOwnDirectory(dirname(path), uid);
  if (directory === undefined) throw unsafe(dirname(path), 'was removed while it was used');
  const flags = constants.O_RDWR | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;
  try {
    const log = await open(below(directory, basename(path)), flags, 0o600).catch((cause: unknown) => {
      throw unsafe(
        path,
        `cannot be opened (${(cause as NodeJS.ErrnoException).code ?? 'unknown error'})`,
        cause,
      );
    });
    const stat = await log.stat();
    if (stat.isFile() && stat.uid === uid) return log;
    await log.close();
    throw unsafe(path, stat.isFile() ? `belongs to another user (uid ${stat.uid})` : 'is not a file');
  } finally {
    await directory.close();
  }
}

async function failed(
  path: string,
  log: FileHandle,
  from: number,
  child: Child,
  over: number | string | undefined,
): Promise<BangerError> {
  const lines = await lastLines(log, from, SHOWN_LINES, SHOWN_BYTES);
  const own = lines.toReversed().flatMap((line) => readStartFailure(line) ?? [])[0];
  if (over !== undefined && own !== undefined) return own;
  const what =
    over === undefined
      ? `The daemon (pid ${child.pid}) runs, but its socket cannot be used yet.`
      : `The daemon ended while it was starting (${typeof over === 'number' ? `exit status ${over}` : over}).`;
  const words = lines.length === 0 ? '' : ` Its last words:\n${lines.join('\n')}`;
  return new BangerError('daemon_unreachable', `${what}${words}`, { details: { log: path } });
}
