import { once } from 'node:events';
import { constants, lstatSync, type Stats } from 'node:fs';
import { lstat, open, unlink, type FileHandle } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { basename, dirname } from 'node:path';
import { BangerError } from '@banger/contract/error';
import { MAX_SOCKET_PATH_BYTES } from '../domain/socket-path.ts';

/** A socket is made with mode 0777 less the umask: unix(7). */
const SOCKET_UMASK = 0o177;
const SOCKET_MODE = 0o600;
const NOT_PRIVATE = 0o077;

/** Connections at once: far over what the programs of one user open, and few enough for the limit of open files. */
const MAX_CONNECTIONS = 512;

export interface UnixServerOptions {
  /** Absolute. */
  readonly path: string;
  /** Takes each connection, which allows half-open and is its own from then on, errors included. */
  readonly onConnection: (socket: Socket) => void;
  /** The user whose directory and socket they must be; the one who runs this process unless told. */
  readonly uid?: number;
  readonly maxConnections?: number;
}

/** A socket that is listened on. */
export interface UnixServer {
  /** Whether its socket is still at its path: neither gone, nor in the place of it another one. */
  readonly isThere: boolean;
  /** Takes no more connections and removes the socket, if it is still this one; those that are open go on. Harmless when repeated. */
  close(): Promise<void>;
}

/**
 * Listens on a unix socket that only this user can use: 0600 from birth, in a directory that is this user's own and 0700.
 * A socket left behind by a dead daemon is replaced; the caller holds the lock of the state directory, so that no two do
 * this at once. Rejects with `path_unsafe` (the directory or the socket is another user's, is open to others, or is
 * something else), `daemon_held` (someone listens there) or `command_failed` (the kernel refused).
 */
export async function listenOnUnixSocket(options: UnixServerOptions): Promise<UnixServer> {
  const { path, onConnection } = options;
  const uid = options.uid ?? process.getuid?.() ?? 0;
  const directory = await openPrivateDirectory(dirname(path), uid);
  // Below the descriptor names are short, and the directory is the one that was checked.
  const inside = `/proc/self/fd/${directory.fd}/${basename(path)}`;
  const address = Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES ? inside : path;
  try {
    await clear(path, inside, uid);
    const server = createServer({ allowHalfOpen: true }, onConnection);
    server.maxConnections = options.maxConnections ?? MAX_CONNECTIONS;
    await listen(server, address, path);
    // A connection that cannot be accepted (too many open files) is its client's loss, not the daemon's end.
    server.on('error', () => undefined);
    const { mode, dev, ino } = await lstat(inside);
    if ((mode & 0o777) !== SOCKET_MODE) {
      server.close();
      throw unsafe(path, 'was made with the wrong mode');
    }
    const found = (): Stats | undefined => lstatSync(path, { throwIfNoEntry: false });
    const isOwn = (other: Stats): boolean => other.dev === dev && other.ino === ino;
    return {
      get isThere() {
        const now = found();
        return now !== undefined && isOwn(now);
      },
      close: async () => {
        const now = found();
        // Node removes what is at the path that it was bound to, at once: the descriptor must still be open, and the socket not be another's.
        if (now === undefined || isOwn(now)) server.close();
        else server.unref();
        await directory.close();
      },
    };
  } catch (error) {
    await directory.close();
    throw error;
  }
}

/** Opens the directory around a socket, and keeps it: what is checked is what is used. */
async function openPrivateDirectory(path: string, uid: number): Promise<FileHandle> {
  const flags = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
  const directory = await open(path, flags).catch((cause: unknown) => {
    throw unsafe(path, `is no directory that can be used (${errno(cause)})`, cause);
  });
  const { uid: owner, mode } = await directory.stat();
  if (owner === uid && (mode & NOT_PRIVATE) === 0) return directory;
  await directory.close();
  throw unsafe(
    path,
    owner === uid ? 'can be entered by other users' : `belongs to another user (uid ${owner})`,
  );
}

/** Removes a socket that nobody listens on. */
async function clear(path: string, inside: string, uid: number): Promise<void> {
  const stat = await lstat(inside).catch((cause: unknown) => {
    if (errno(cause) === 'ENOENT') return undefined;
    throw cause;
  });
  if (stat === undefined) return;
  if (!stat.isSocket()) throw unsafe(path, stat.isSymbolicLink() ? 'is a symbolic link' : 'is not a socket');
  if (stat.uid !== uid) throw unsafe(path, `belongs to another user (uid ${stat.uid})`);
  if (await isListenedOn(inside)) {
    throw new BangerError('daemon_held', `Another program listens on ${path}.`, { details: { path } });
  }
  await unlink(inside);
}

/** Whether somebody listens; one whose queue of connections is full does too. */
async function isListenedOn(path: string): Promise<boolean> {
  const socket = connect({ path });
  try {
    await once(socket, 'connect');
    return true;
  } catch (cause) {
    return errno(cause) !== 'ECONNREFUSED';
  } finally {
    socket.on('error', () => undefined);
    socket.destroy();
  }
}

async function listen(server: Server, address: string, path: string): Promise<void> {
  const listening = once(server, 'listening');
  // Node binds before `listen` returns, so that the umask, which is the whole process's, is ours for that call alone.
  const umask = process.umask(SOCKET_UMASK);
  try {
    server.listen(address);
  } finally {
    process.umask(umask);
  }
  try {
    await listening;
  } catch (cause) {
    throw new BangerError('command_failed', `The socket ${path} cannot be made (${errno(cause)}).`, {
      cause,
      hint: 'Check the file system of that directory, or set BANGER_HOME to use another place.',
      details: { path },
    });
  }
}

function errno(cause: unknown): string {
  return (cause as NodeJS.ErrnoException).code ?? 'unknown error';
}

function unsafe(path: string, what: string, cause?: unknown): BangerError {
  return new BangerError('path_unsafe', `${path} ${what}.`, { cause, details: { path } });
}
