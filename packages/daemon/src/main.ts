import { homedir } from 'node:os';
import { DOCTOR_ARGUMENT } from '@banger/contract/daemon-argument';
import { DAEMON_HELD_EXIT, startFailure } from '@banger/contract/daemon-exit';
import { endProcess } from '@banger/contract/end-process';
import { toBangerError } from '@banger/contract/error';
import { resolvePaths } from '@banger/contract/paths';
import { runDaemon } from './daemon.ts';
import { examine } from './examine.ts';

// Every file, directory and socket is private from birth, those of the programs that we start too.
process.umask(0o077);

try {
  const uid = process.getuid?.() ?? 0;
  const paths = resolvePaths({ env: process.env, home: homedir(), uid });
  if (process.argv[2] === DOCTOR_ARGUMENT) process.stdout.write(JSON.stringify(await examine(paths)));
  else await runDaemon(paths);
  endProcess(0);
} catch (thrown) {
  // The command line that started us finds this line at the log's end and shows it.
  const error = toBangerError(thrown);
  process.stderr.write(`${JSON.stringify(startFailure(error))}\n`);
  endProcess(error.code === 'daemon_held' ? DAEMON_HELD_EXIT : 1);
}
