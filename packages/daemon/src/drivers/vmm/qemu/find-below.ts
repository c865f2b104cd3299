import { findOwnProcesses, type OwnProcessesOptions } from '../../../host/own-processes.ts';
import type { ProcessTable } from '../../../host/process-identity.ts';
import type { FoundVmm } from '../driver.ts';
import { readArgv } from './read-argv.ts';

/** The QEMUs of this user whose console log lies below a directory. See `Launcher.find`; `now` is the time of day. */
export async function findBelow(
  directory: string,
  processes: Pick<ProcessTable, 'identify' | 'ageMs'>,
  now: number,
  options: OwnProcessesOptions = {},
): Promise<FoundVmm[]> {
  const isBelow = (argv: readonly string[]): boolean =>
    readArgv(argv)?.consoleLog.startsWith(`${directory}/`) === true;
  const found = await findOwnProcesses(isBelow, processes, options);
  return found.flatMap(({ identity, argv }) => {
    const facts = readArgv(argv);
    if (facts === undefined) return [];
    const { id, token } = facts;
    return [{ id, token, process: identity, startedAt: now - processes.ageMs(identity) }];
  });
}
