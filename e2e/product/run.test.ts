import type { VmView } from '@banger/contract/vm';
import { describe, expect, test } from 'vitest';
import { banger, bangerJson } from '../harness/banger.ts';
import { entries, vmProcessesOf } from '../harness/leftovers.ts';
import { sharedHome } from '../harness/shared-home.ts';

const home = sharedHome();
const run = (...argv: string[]) => banger(['vm', 'run', '--rm', ...argv], { home });
const list = () => bangerJson<VmView[]>(['vm', 'list'], { home });

describe('K1: vm run', () => {
  test('exit code: the status of the command is ours', async () => {
    expect((await run('--', 'sh', '-c', 'exit 42')).status).toBe(42);
    expect(await list()).toEqual([]);
  });

  test('exit code: death by a signal is 128+n; 127 and 126 tell what is wrong', async () => {
    const name = 'exits';
    await banger(['vm', 'create', '--name', name], { home });
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

  test('concurrent runs share nothing and leave nothing', async () => {
    const outcomes = await Promise.all([1, 2, 3].map((n) => run('--', 'sh', '-c', `hostname; exit ${n}`)));
    expect(outcomes.map(({ status }) => status)).toEqual([1, 2, 3]);
    expect(new Set(outcomes.map(({ stdout }) => stdout)).size).toBe(3);
    expect(await list()).toEqual([]);
    expect(vmProcessesOf(home)).toEqual([]);
    expect(entries(home, 'state', 'vms')).toEqual([]);
    expect(entries(home, 'run', 'vm')).toEqual([]);
  });

  test('run detached: the VM runs on, and its name is printed', async () => {
    const { status, stdout } = await banger(['vm', 'run', '-d', '--name', 'detached'], { home });
    expect({ status, stdout }).toEqual({ status: 0, stdout: 'detached\n' });
    expect(await list()).toMatchObject([{ name: 'detached', state: 'running', runtime: { agent: 'ready' } }]);
    expect((await banger(['vm', 'exec', 'detached', '--', 'hostname'], { home })).stdout).toBe('detached\n');
    await banger(['vm', 'delete', 'detached'], { home });
  });

  test.each([
    ['-d with --rm', ['vm', 'run', '-d', '--rm']],
    ['-d with a command', ['vm', 'run', '-d', '--', 'true']],
    ['a name with a capital', ['vm', 'create', '--name', 'Box']],
    ['a name with a slash', ['vm', 'create', '--name', '../x']],
    ['no CPUs', ['vm', 'create', '--vcpu', '0']],
    ['no memory', ['vm', 'create', '--memory', '0']],
    ['an absurd disk', ['vm', 'create', '--disk-size', '4096T']],
    ['an unknown image', ['vm', 'create', '--image', 'No-Such-Image']],
    ['an unknown kernel', ['vm', 'create', '--kernel', 'no-such-kernel']],
    ['a path, which is not there yet', ['vm', 'run', './repo', '--', 'true']],
  ])('invalid spec: %s is refused with one message and no row', async (_, argv) => {
    const { status, stdout, stderr } = await banger(argv, { home });
    expect(status).not.toBe(0);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^error\[[a-z_]+\]: .+/m);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(await list()).toEqual([]);
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
