import { statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pass, warn, type Check } from './check.ts';

/** Below this a first image with its staging does not fit. */
const LEAST_FREE_BYTES = 4 * 1024 ** 3;

/** Whether there is room for images and disks where the state is, or will be. */
export function roomCheck(state: string): Check {
  return {
    id: 'host.room',
    title: 'Room on disk',
    run: async () => {
      const free = await freeBytes(state);
      const words = `${(free / 1024 ** 3).toFixed(1)} GiB free in ${state}`;
      return free >= LEAST_FREE_BYTES
        ? pass(words)
        : warn(words, 'Free some space, or move BANGER_HOME to a larger disk.');
    },
  };
}

/** Of a directory that is not there yet: what the one has in which it will be made. */
async function freeBytes(path: string): Promise<number> {
  try {
    const { bavail, bsize } = await statfs(path);
    return bavail * bsize;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (path === '/' || (code !== 'ENOENT' && code !== 'ENOTDIR')) throw error;
    return freeBytes(dirname(path));
  }
}
