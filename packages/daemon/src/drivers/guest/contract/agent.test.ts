import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TreeRecord } from '@banger/contract/tree-record';
import { describe, expect, test } from 'vitest';
import { ProcessTable } from '../../../host/process-identity.ts';
import { describeExecPlace } from './exec-place.suite.ts';
import { describeExecSize } from './exec-size.suite.ts';
import { describeGuest } from './guest.suite.ts';
import type { GuestUnderTest } from './harness.ts';
import { describeTrees, encodedTree } from './tree.suite.ts';
import { useGuest } from './use-guest.suite.ts';

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

describe('a tree that the agent makes', () => {
  const used = useGuest(startAgent);

  test('has holes where files would have blocks of zeros, and their lengths', async () => {
    const bytes = Buffer.alloc(1024 * 1024);
    bytes[500_000] = 1;
    const records: TreeRecord[] = [
      { kind: 'file', name: '', mode: 0o644, mtimeNs: 0n, size: bytes.length },
      // Off the blocks.
      ...Array.from({ length: 17 }, (_, n) => bytes.subarray(n * 65_531, (n + 1) * 65_531)).map(
        (piece) => ({ kind: 'content', bytes: piece }) as const,
      ),
      { kind: 'end' },
    ];
    const path = join(used.directory, 'sparse');
    await used.session.unpack({ path, into: false }, encodedTree(records));
    const { size, blocks } = await stat(path);
    expect(size).toBe(bytes.length);
    expect(blocks * 512).toBeLessThanOrEqual(16 * 1024);
    expect((await readFile(path)).equals(bytes)).toBe(true);
  });
});

for (const describeAs of [describeGuest, describeTrees, describeExecSize, describeExecPlace])
  describeAs('agent', startAgent);
