import type { VmView } from '@banger/contract/vm';
import { describe, expect, test } from 'vitest';
import { banger, bangerJson } from '../harness/banger.ts';
import { entries, vmProcessesOf } from '../harness/leftovers.ts';
import { sharedHome } from '../harness/shared-home.ts';

const home = sharedHome();
const run = (...argv: string[]) => banger(['vm', 'run', '--rm', ...argv], { home });
const list = () => bangerJson<VmView[]>(['vm', 'list'], { home });

/** What is wrong in a command line, the specs of K1 among it, is in `faults/options.test.ts`. */
describe('K1: vm run', () => {
  const name = 'detached';

  test('run detached: the VM runs on, and its name is printed', async () => {
    const { status, stdout } = await banger(['vm', 'run', '-d', '--name', name], { home });
    expect({ status, stdout }).toEqual({ status: 0, stdout: `${name}\n` });
    expect(await list()).toMatchObject([{ name, state: 'running', runtime: { agent: 'ready' } }]);
    expect((await banger(['vm', 'exec', name, '--', 'hostname'], { home })).stdout).toBe(`${name}\n`);
  });

  test('exit code: death by a signal is 128+n; 127 and 126 tell what is wrong', async () => {
    const exec = (...argv: string[]) => banger(['vm', 'exec', name, '--', ...argv], { home });
    expect((await exec('sh', '-c', 'kill -9 $$')).status).toBe(137);
    expect((await exec('sh', '-c', 'kill -15 $$')).status).toBe(143);
    expect(await exec('no-such-command')).toMatchObject({
      status: 127,
      stderr: expect.stringContaining('command_not_found'),
    });
    expect(await exec('/etc/passwd')).toMatchObject({
      status: 126,
      stderr: expect.stringContaining('command_not_executable'),
    });
    expect((await exec('sh', '-c', 'exit 0')).status).toBe(0);
    expect((await banger(['vm', 'delete', name], { home })).status).toBe(0);
  });

  test('exit code: the status of the command is ours; concurrent runs share nothing and leave nothing', async () => {
    const outcomes = await Promise.all([1, 2, 42].map((n) => run('--', 'sh', '-c', `hostname; exit ${n}`)));
    expect(outcomes.map(({ status }) => status)).toEqual([1, 2, 42]);
    expect(new Set(outcomes.map(({ stdout }) => stdout)).size).toBe(3);
    expect(await list()).toEqual([]);
    expect(vmProcessesOf(home)).toEqual([]);
    expect(entries(home, 'state', 'vms')).toEqual([]);
    expect(entries(home, 'run', 'vm')).toEqual([]);
  });

  test('several names, one bad: the others are done, in the order given, and the status tells', async () => {
    await Promise.all(
      ['one', 'two'].map((name) => banger(['vm', 'create', '--no-start', '--name', name], { home })),
    );
    const { status, stdout, stderr } = await banger(['vm', 'delete', 'two', 'nope', 'one', 'two'], { home });
    expect(status).toBe(1);
    expect(stdout.match(/two[\s\S]*one/)).not.toBeNull();
    expect(stderr).toContain('vm_not_found');
    expect(await list()).toEqual([]);
  });
});
