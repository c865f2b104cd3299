import type { DoctorReport } from '@banger/contract/doctor';
import { temporaryRuntime, type BangerPaths } from '@banger/contract/paths';
import pino from 'pino';
import { compose } from './compose.ts';
import { configInput } from './config-input.ts';
import { loadConfig, withoutFile } from './config/load.ts';
import { RunDirectory } from './host/run-directory.ts';
import { lookAtState } from './store/look-at-state.ts';
import { noDatabase } from './store/no-database.ts';

/**
 * The doctor of a daemon that is put together and never runs: nothing is made, changed, migrated or locked. A configuration or a state
 * that no daemon would start with is the finding of one check, beside all the others.
 */
export async function examine(paths: BangerPaths): Promise<DoctorReport> {
  const input = configInput(paths);
  // The doctor reads the file once more, and tells what is wrong with it.
  const config = await loadConfig(input).catch(() => withoutFile(input));
  const { doctor } = compose(paths, {
    config,
    database: noDatabase,
    place: { check: () => undefined },
    run: new RunDirectory(paths.run, temporaryRuntime(input.uid), input.uid),
    lookAtState: () => lookAtState(paths.state),
    log: pino({ level: 'silent' }),
  });
  return doctor.run();
}
