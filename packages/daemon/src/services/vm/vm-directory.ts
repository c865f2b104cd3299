import { mkdir, symlink } from 'node:fs/promises';
import { MAX_SOCKET_PATH_BYTES } from '@banger/contract/socket-path';
import { BangerError } from '@banger/contract/error';
import type { Layout } from '../../domain/layout.ts';

/** The longest name that is bound in the directory of a VM's sockets: netguard's, until it is renamed. */
const LONGEST_SOCKET = 'outbound.sock.new';
const ANY_ID = '0'.repeat(12);

/** Refuses, with `path_unsafe`, a home in which no VM could have its sockets: before anything is fetched for one. */
export function checkSocketRoom(layout: Layout): void {
  const { runtime } = layout.vm(ANY_ID);
  const over = Buffer.byteLength(`${runtime}/${LONGEST_SOCKET}`) - MAX_SOCKET_PATH_BYTES;
  if (over <= 0) return;
  throw new BangerError(
    'path_unsafe',
    `The directory for sockets is ${over} ${over === 1 ? 'byte' : 'bytes'} too long for what Linux allows a socket: ${runtime}.`,
    { hint: 'Set BANGER_HOME or XDG_RUNTIME_DIR to a shorter path.', details: { path: runtime } },
  );
}

/**
 * Makes a directory of a VM, 0700, with its missing parents, which lie in directories of ours; one that is there is fine. Rejects with
 * `disk_full`, or with `path_unsafe` when something else has its name or it cannot be made.
 */
export async function makeVmDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw notMade(path, cause);
  }
}

/** Makes the directory of a VM's sockets, with a link in it that tells whose it is. Rejects as `makeVmDirectory` does. */
export async function makeRuntimeDirectory(layout: Layout, id: string): Promise<void> {
  const { runtime, runtimeOwner } = layout.vm(id);
  await makeVmDirectory(runtime);
  try {
    await symlink(layout.database, runtimeOwner);
  } catch (cause) {
    // Of a run whose directory could not be removed.
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw notMade(runtime, cause);
  }
}

function notMade(path: string, cause: unknown): BangerError {
  const { code = 'unknown error' } = cause as NodeJS.ErrnoException;
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  return full
    ? new BangerError('disk_full', `There is no room to make the directory ${path}.`, { cause })
    : new BangerError('path_unsafe', `The directory ${path} cannot be made (${code}).`, {
        cause,
        details: { path },
      });
}
