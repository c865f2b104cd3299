import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProcessIdentity, ProcessTable } from '../../../host/process-identity.ts';

/**
 * The processes whose argv carries a VMM's name with this token: those that a daemon started and died before it could
 * write their pids down. `proc` is where proc(5) is mounted.
 */
export async function findByToken(
  token: string,
  processes: Pick<ProcessTable, 'identify'>,
  proc = '/proc',
): Promise<ProcessIdentity[]> {
  const found: ProcessIdentity[] = [];
  for (const entry of await readdir(proc)) {
    const pid = Number(entry);
    if (!Number.isSafeInteger(pid) || pid <= 0) continue;
    // Identified before its argv is read: a pid that changes hands in between is another start time.
    const identity = processes.identify(pid);
    if (identity !== undefined && carries(await argvOf(join(proc, entry)), token)) found.push(identity);
  }
  return found;
}

function carries(argv: readonly string[], token: string): boolean {
  const name = argv[argv.indexOf('-name') + 1] ?? '';
  return argv.includes('-name') && name.startsWith('guest=banger-') && name.includes(`-${token},`);
}

async function argvOf(directory: string): Promise<string[]> {
  try {
    return (await readFile(join(directory, 'cmdline'), 'utf8')).split('\0');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    // It ended meanwhile, or is another user's (hidepid) and so not ours.
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') return [];
    throw cause;
  }
}
