import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { ProcessTable } from '../../../host/process-identity.ts';
import { describeExecPlace } from './exec-place.suite.ts';
import { describeExecSize } from './exec-size.suite.ts';
import { describeGuest } from './guest.suite.ts';
import type { GuestUnderTest } from './harness.ts';
import { describeTrees } from './tree.suite.ts';

/** The agent as an ordinary process; built by `make setup`. */
const AGENT = fileURLToPath(new URL('../../../../../../build/guest/agent-hosted', import.meta.url));
const processes = new ProcessTable();

const startAgent = async (directory: string): Promise<GuestUnderTest> => {
  const socket = join(directory, 'channel');
  const root = join(directory, 'root');
  await mkdir(join(root, 'etc'), { recursive: true });
  const agent = spawn(AGENT, [socket, root], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  agent.stderr.on('data', (chunk) => (said += String(chunk)));
  await once(agent, 'spawn');
  return {
    socket,
    directory,
    isRunning: (pid) => processes.identify(pid) !== undefined,
    close: async () => {
      // A crash would have ended it before.
      expect({ exitCode: agent.exitCode, signal: agent.signalCode, said }).toMatchObject({
        exitCode: null,
        signal: null,
      });
      agent.kill('SIGKILL');
      await once(agent, 'exit');
    },
  };
};

for (const describeAs of [describeGuest, describeTrees, describeExecSize, describeExecPlace])
  describeAs('agent', startAgent);
