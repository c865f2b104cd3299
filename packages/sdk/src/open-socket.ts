import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { BangerError } from '@banger/contract/error';
import { cancelled } from './call-errors.ts';
import { socketAddress } from './socket-path.ts';

/**
 * Connects to a daemon's socket. Undefined when nobody listens: there is none, or a dead daemon left it behind. Rejects
 * with `path_unsafe`, `cancelled`, or `daemon_unreachable` when connecting fails in another way.
 */
export async function openSocket(
  socketPath: string,
  uid: number,
  signal?: AbortSignal,
): Promise<Socket | undefined> {
  if (signal?.aborted === true) throw cancelled();
  const address = await socketAddress(socketPath, uid);
  if (address === undefined) return undefined;
  const socket = connect({ path: address.path });
  try {
    await once(socket, 'connect', signal === undefined ? {} : { signal });
    return socket;
  } catch (cause) {
    socket.on('error', () => undefined);
    socket.destroy();
    const { code, name } = cause as NodeJS.ErrnoException;
    if (code === 'ECONNREFUSED' || code === 'ENOENT') return undefined;
    if (name === 'AbortError') throw cancelled(cause);
    throw new BangerError(
      'daemon_unreachable',
      `The daemon's socket ${socketPath} cannot be used (${code ?? name}).`,
      { cause, details: { socket: socketPath } },
    );
  } finally {
    await address.release();
  }
}
