import { findOwnProcesses, type OwnProcessesOptions } from '../../../host/own-processes.ts';
import type { ProcessIdentity, ProcessTable } from '../../../host/process-identity.ts';

/**
 * The processes of this user whose argv carries a VMM's name with this token: those that a daemon started and died before
 * it could write their pids down. The token is no secret: ps(1) shows it to everybody.
 */
export async function findByToken(
  token: string,
  processes: Pick<ProcessTable, 'identify'>,
  options: OwnProcessesOptions = {},
): Promise<ProcessIdentity[]> {
  return findOwnProcesses((argv) => carries(argv, token), processes, options);
}

function carries(argv: readonly string[], token: string): boolean {
  const name = argv[argv.indexOf('-name') + 1] ?? '';
  return argv.includes('-name') && name.startsWith('guest=banger-') && name.includes(`-${token},`);
}
