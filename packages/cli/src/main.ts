import { homedir } from 'node:os';
import { buildInfo } from '@banger/contract/build-info';
import { endProcess } from '@banger/contract/end-process';
import { installation } from '@banger/contract/installation';
import { resolvePaths } from '@banger/contract/paths';
import { runCli } from './cli.ts';
import { systemClock } from './clock.ts';
import { connect } from './connect.ts';
import { exitStatus } from './exit-status.ts';
import type { Machine } from './machine.ts';
import { rawArguments, rawEnvironment } from './raw-words.ts';
import { signalSource } from './terminal/signals.ts';

let opensInput = false;
const env = rawEnvironment(process.env);
const uid = process.getuid?.() ?? 0;

const machine: Machine = {
  // Looked up late: only sessions need it, and opening a terminal's input takes its time.
  get stdin() {
    opensInput = true;
    return process.stdin;
  },
  stdout: process.stdout,
  stderr: process.stderr,
  env,
  uid,
  get cwd() {
    return process.cwd();
  },
  nodeVersion: process.version,
  clock: systemClock,
  signals: signalSource(process),
  // Looked up late: one that cannot be told is no matter for who only asks for help.
  get paths() {
    return resolvePaths({ env, home: homedir(), uid });
  },
  get build() {
    return buildInfo();
  },
  connect: (request) => connect(request, machine),
  examine: async (signal) =>
    (await import('@banger/sdk/run-doctor')).runDoctor({ command: installation().daemon, env, signal }),
  rawOutput: async () => (await import('./terminal/raw-output.ts')).passOutputThrough(),
  exit: (status) => process.exit(status),
};

// Whoever read the output may be gone; the one who writes is told by the write, and the rest need not end us.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});
process.on('uncaughtException', (error) => {
  process.stderr.write(`error[internal]: ${error.message}\nhint: Please report it.\n`);
  process.exit(exitStatus.failed);
});

// Whoever wrote results has waited until they were taken; what a pipe of standard error has not taken yet is waited for here. Standard input
// may still be open for reading.
// No await at the top: the command line can then be bundled as CommonJS, which starts sooner.
void runCli(rawArguments(process.argv.slice(2)), machine).then((status) => {
  process.stderr.write('', () => {
    if (opensInput) process.stdin.destroy();
    endProcess(status);
  });
});
