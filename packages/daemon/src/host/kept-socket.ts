import { dirname } from 'node:path';
import type { Clock } from './clock.ts';
import { ensurePrivateDir } from './private-dir.ts';
import { listenOnUnixSocket, type UnixServer, type UnixServerOptions } from './unix-server.ts';

/** How long nobody reaches a daemon whose socket was taken away; a look costs microseconds. */
const LOOK_MS = 1_000;

/** Who hears of a socket that was taken away. */
export interface SocketKeeper {
  readonly clock: Pick<Clock, 'sleep'>;
  /** It is there again. */
  readonly back: () => void;
  /** It cannot be made again; told once, tried until it can. */
  readonly missing: (why: unknown) => void;
}

/**
 * Listens as `listenOnUnixSocket` does, and again when the socket is taken away: at the end of a user's last session a service manager
 * empties the directory for sockets, and the daemon that ran VMs in it would be reached by nobody, with all that its VMs need. The first
 * listening rejects as that does.
 */
export async function keepListening(
  options: UnixServerOptions,
  keeper: SocketKeeper,
): Promise<Pick<UnixServer, 'close'>> {
  let server = await listenOnUnixSocket(options);
  const over = new AbortController();
  const kept = keep();
  return {
    close: async () => {
      over.abort();
      await kept;
      await server.close();
    },
  };

  async function keep(): Promise<void> {
    let told = false;
    for (;;) {
      await keeper.clock.sleep(LOOK_MS, over.signal).catch(() => undefined);
      if (over.signal.aborted) return;
      if (server.isThere) continue;
      try {
        // First: an end takes the name away.
        await server.close();
        await ensurePrivateDir(dirname(options.path), options.uid);
        server = await listenOnUnixSocket(options);
        told = false;
        keeper.back();
      } catch (error) {
        if (!told) keeper.missing(error);
        told = true;
      }
    }
  }
}
