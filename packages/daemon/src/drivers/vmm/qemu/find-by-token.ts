import { findOwnProcesses, type OwnProcessesOptions } from '../../../host/own-processes.ts';
import type { ProcessIdentity, ProcessTable } from '../../../host/process-identity.ts';
import { readArgv } from './read-argv.ts';

/**
 * The processes of this user whose argv carries a VMM's name with this token: those that a daemon started and died before
 * it could write their pids down. The token is no secret: ps(1) shows it to everybody.
 */
export async function findByToken(
  token: string,
  processes: Pick<ProcessTable, 'identify'>,
  options: OwnProcessesOptions = {},
): Promise<ProcessIdentity[]> {
  const carries = (argv: readonly string[]): boolean => readArgv(argv)?.token === token;
  return (await findOwnProcesses(carries, processes, options)).map(({ identity }) => identity);
}
