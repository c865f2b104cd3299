import { mkdir } from 'node:fs/promises';
import { BangerError } from '@banger/contract/error';

/**
 * Makes a directory of a VM, 0700, with its missing parents, which lie in directories of ours; one that is there is fine. Rejects with
 * `disk_full`, or with `path_unsafe` when something else has its name or it cannot be made.
 */
export async function makeVmDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const { code = 'unknown error' } = cause as NodeJS.ErrnoException;
    const full = code === 'ENOSPC' || code === 'EDQUOT';
    throw full
      ? new BangerError('disk_full', `There is no room to make the directory ${path}.`, { cause })
      : new BangerError('path_unsafe', `The directory ${path} cannot be made (${code}).`, {
          cause,
          details: { path },
        });
  }
}
