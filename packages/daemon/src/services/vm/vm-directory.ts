import { mkdir, symlink } from 'node:fs/promises';
import { BangerError } from '@banger/contract/error';
import type { Layout } from '../../domain/layout.ts';

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
