import { lstat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { absent, below, openOwnDirectory, unsafe } from './own-directory.ts';

/** Who may write the directory may put another socket in the place of the one that was checked. */
const OTHERS_WRITE = 0o022;

/** Where to connect to, until `release`. */
export interface SocketAddress {
  readonly path: string;
  release(): Promise<void>;
}

/**
 * Checks that a daemon's socket and the directory around it are this user's own, that no one else can
 * change them, and that they are no symbolic links; then gives the path to connect to, through an open descriptor of the directory: it is
 * the directory that was checked, and a short path, however long its own is. Undefined when there is no socket. Rejects with `path_unsafe`.
 */
export async function socketAddress(socket: string, uid: number): Promise<SocketAddress | undefined> {
  const directory = await openOwnDirectory(dirname(socket), uid);
  if (directory === undefined) return undefined;
  try {
    const inside = below(directory, basename(socket));
    const stat = await lstat(inside).catch(absent);
    if (stat === undefined) {
      await directory.close();
      return undefined;
    }
    if (((await directory.stat()).mode & OTHERS_WRITE) !== 0)
      throw unsafe(dirname(socket), 'can be written by other users');
    if (!stat.isSocket()) throw unsafe(socket, 'is not a socket');
    if (stat.uid !== uid) throw unsafe(socket, `belongs to another user (uid ${stat.uid})`);
    return { path: inside, release: () => directory.close() };
  } catch (error) {
    await directory.close();
    throw error;
  }
}
