import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findOwnProcesses } from './own-processes.ts';
import { ProcessTable } from './process-identity.ts';

const UID = 1000;

test('takes only processes of this user, by their real uid', async () => {
  const proc = await mkdtemp(join(tmpdir(), 'proc-'));
  try {
    const pretended: readonly (readonly [pid: string, argv: string, uids: string])[] = [
      ['10', 'wanted\0-a\0', '1000\t1000\t1000\t1000'],
      ['11', 'wanted\0-a\0', '1001\t1001\t1001\t1001'],
      ['12', 'wanted\0-a\0', '0\t1000\t1000\t1000'],
      ['13', 'wanted\0-a\0', '10000\t10000\t10000\t10000'],
      ['14', 'other\0-a\0', '1000\t1000\t1000\t1000'],
      ['15', 'wanted\0-a\0', '1000\t1000\t1000\t1000'],
    ];
    for (const [pid, argv, uids] of pretended) {
      await mkdir(join(proc, pid));
      await writeFile(join(proc, pid, 'cmdline'), argv);
      await writeFile(join(proc, pid, 'status'), `Name:\tx\nUid:\t${uids}\nGid:\t1000\t1000\t1000\t1000\n`);
    }
    // Processes that end while they are looked at.
    await mkdir(join(proc, '16'));
    await mkdir(join(proc, '17'));
    await writeFile(join(proc, '17', 'cmdline'), 'wanted\0');
    const identify = (pid: number) => (pid === 15 ? undefined : { pid, startTicks: pid, bootId: 'boot' });
    const found = await findOwnProcesses(([name]) => name === 'wanted', { identify }, { proc, uid: UID });
    expect(found.map(({ identity }) => identity.pid)).toEqual([10]);
  } finally {
    await rm(proc, { recursive: true });
  }
});

test('finds a real process of ours, and as another user does not', async () => {
  const mark = `60.0${process.pid}`;
  const child = spawn('sleep', [mark], { stdio: 'ignore' });
  try {
    await once(child, 'spawn');
    const matches = (argv: readonly string[]): boolean => argv[0] === 'sleep' && argv[1] === mark;
    const processes = new ProcessTable();
    const found = await findOwnProcesses(matches, processes);
    expect(found.map(({ identity }) => identity.pid)).toEqual([child.pid]);
    const uid = (process.getuid?.() ?? 0) + 1;
    expect(await findOwnProcesses(matches, processes, { uid })).toEqual([]);
  } finally {
    child.kill('SIGKILL');
  }
});
