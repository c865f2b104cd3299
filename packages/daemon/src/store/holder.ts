import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { join } from 'node:path';

/** Names the daemon that holds the database's lock; the lock itself cannot. */
export const HOLDER_FILE = 'bangerd.json';

/** The process id of the daemon that the file in the state directory names, be it alive or not; undefined when it names none. */
export function namedHolder(directory: string): number | undefined {
  try {
    const { pid } = JSON.parse(readFileSync(join(directory, HOLDER_FILE), 'utf8')) as { pid?: unknown };
    return typeof pid === 'number' ? pid : undefined;
  } catch {
    return undefined; // Only a nicety of the message: the refusal stands without it.
  }
}

/** Whether that process has the file open, as whoever holds its lock has: proc_pid_fd(5). False for processes of other users. */
export function hasOpen(pid: number, file: string): boolean {
  const descriptors = `/proc/${pid}/fd`;
  try {
    const path = realpathSync(file);
    return readdirSync(descriptors).some((name) => targetOf(join(descriptors, name)) === path);
  } catch {
    return false;
  }
}

/** What a descriptor is of; undefined when it has been closed meanwhile. */
function targetOf(descriptor: string): string | undefined {
  try {
    return readlinkSync(descriptor);
  } catch {
    return undefined;
  }
}
