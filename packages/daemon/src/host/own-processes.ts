import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProcessIdentity, ProcessTable } from './process-identity.ts';

/** Where to look, and for whom; /proc and our own user unless told. */
export interface OwnProcessesOptions {
  /** Where proc(5) is mounted. */
  readonly proc?: string;
  readonly uid?: number;
}

/** A process, and the arguments that it was started with. */
export interface OwnProcess {
  readonly identity: ProcessIdentity;
  readonly argv: readonly string[];
}

/**
 * The processes of this user whose argv is one that `matches`: those that a daemon started and died before it could write
 * their pids down. An argv is anybody's to choose and to read, so another user's process never counts, whoever we are.
 */
export async function findOwnProcesses(
  matches: (argv: readonly string[]) => boolean,
  processes: Pick<ProcessTable, 'identify'>,
  { proc = '/proc', uid = process.getuid?.() }: OwnProcessesOptions = {},
): Promise<OwnProcess[]> {
  const found: OwnProcess[] = [];
  for (const entry of await readdir(proc)) {
    const pid = Number(entry);
    if (!Number.isSafeInteger(pid) || pid <= 0) continue;
    // Identified before anything of it is read: a pid that changes hands in between is another start time.
    const identity = processes.identify(pid);
    if (identity === undefined) continue;
    const argv = (await read(join(proc, entry, 'cmdline'))).split('\0');
    if (matches(argv) && realUidIn(await read(join(proc, entry, 'status'))) === uid)
      found.push({ identity, argv });
  }
  return found;
}

/** The real user of /proc/PID/status. Not the owner of /proc/PID: that is root's where a process has made itself undumpable. */
function realUidIn(status: string): number | undefined {
  const uid = /^Uid:\s+(\d+)\s/m.exec(status)?.[1];
  return uid === undefined ? undefined : Number(uid);
}

async function read(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    // It ended meanwhile, or is another user's (hidepid) and so not ours.
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return '';
    throw cause;
  }
}
