import type { Build } from '@banger/contract/daemon';
import { BangerError, isBangerError } from '@banger/contract/error';
import type { BangerPaths } from '@banger/contract/paths';
import { RpcClient } from '@banger/rpc/client';
import { BangerClient, noDaemon } from './client.ts';
import { HELLO_MS, greet } from './greet.ts';
import { openSocket } from './open-socket.ts';
import { stopDaemon } from './stop-daemon.ts';

/** Start, replace, start again: more rounds than that mean that somebody works against us. */
const MAX_ROUNDS = 4;

/** What is needed to reach a daemon. */
export interface ConnectOptions {
  readonly paths: Pick<BangerPaths, 'socket'>;
  /** Of the program that connects. */
  readonly build: Build;
  readonly signal?: AbortSignal;
  /** The user whose daemon it must be; the one who runs this process unless told. */
  readonly uid?: number;
  /** How long a greeting may take. */
  readonly helloMs?: number;
}

/** Makes a daemon listen on the socket, or rejects with the reason. */
export type StartDaemon = (signal?: AbortSignal) => Promise<void>;

/**
 * Connects to the daemon of this build: starts one when none runs, and replaces one of another build when it is idle.
 * Rejects with `daemon_build_mismatch` (naming what it is busy with), `path_unsafe`, `daemon_unreachable`, `cancelled`, or
 * with what `start` rejects with.
 */
export async function connectDaemon(
  options: ConnectOptions & { readonly start: StartDaemon },
): Promise<BangerClient> {
  const { build, signal, start } = options;
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    const client = await connectRunning(options);
    if (client === undefined) await start(signal);
    else if (client.hello.build.build === build.build) return client;
    else await replace(client, build, signal);
  }
  throw new BangerError('daemon_unreachable', 'The daemon ends again as soon as it has started.');
}

/**
 * Connects to the daemon that runs, whatever its build; undefined when none does. For those who only look, and for
 * stopping it.
 */
export async function connectRunning(options: ConnectOptions): Promise<BangerClient | undefined> {
  const { paths, build, signal, helloMs = HELLO_MS } = options;
  const uid = options.uid ?? currentUid();
  const dial = (cancel?: AbortSignal) => openSocket(paths.socket, uid, cancel);
  const socket = await dial(signal);
  if (socket === undefined) return undefined;
  const rpc = new RpcClient(socket);
  const hello = await greet(rpc, build.build, { ...(signal === undefined ? {} : { signal }), helloMs });
  if (hello === undefined) return undefined;
  return new BangerClient(rpc, hello, async (cancel) => {
    const connection = await dial(cancel);
    if (connection === undefined) throw noDaemon(paths.socket);
    return connection;
  });
}

/** Ends an idle daemon of another build; whether it is idle it decides itself, when it is asked. */
async function replace(client: BangerClient, build: Build, signal: AbortSignal | undefined): Promise<void> {
  try {
    await stopDaemon(client, { ifIdle: true, signal });
  } catch (error) {
    if (!isBangerError(error, 'daemon_build_mismatch')) throw error;
    const { pid, build: other } = client.hello;
    throw new BangerError(
      'daemon_build_mismatch',
      `${error.message} It is of build ${other.build}, this program of ${build.build}.`,
      { cause: error, details: { ...error.details, pid, daemon: other.build, client: build.build } },
    );
  } finally {
    client.close();
  }
}

function currentUid(): number {
  const uid = process.getuid?.();
  if (uid === undefined) throw new BangerError('not_supported', 'banger runs on Linux only.');
  return uid;
}
