import type { VmView } from '@banger/contract/vm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { banger, bangerJson, type Outcome } from '../harness/banger.ts';
import { entries, vmProcessesOf } from '../harness/leftovers.ts';
import { sharedHome } from '../harness/shared-home.ts';
import { until } from '../harness/until.ts';

const home = sharedHome();
const vm = (...argv: string[]): Promise<Outcome> => banger(['vm', ...argv], { home });
const show = (name: string) => bangerJson<VmView>(['vm', 'show', name], { home });
const exec = async (name: string, script: string): Promise<string> => {
  const { status, stdout, stderr } = await vm('exec', name, '--', 'sh', '-c', script);
  if (status !== 0) throw new Error(`"${script}" ended with ${status}: ${stderr}`);
  return stdout;
};

describe('the life of one VM', () => {
  const name = 'life';

  beforeAll(async () => {
    expect(await vm('create', '--name', name, '--memory', '512')).toMatchObject({ status: 0 });
  });
  afterAll(async () => {
    await vm('delete', name);
    expect(vmProcessesOf(home)).toEqual([]);
    expect(entries(home, 'run', 'vm')).toEqual([]);
    expect(entries(home, 'state', 'vms')).toEqual([]);
  });

  test('it runs, its agent answers, and what the image has in /root is on the work disk (C3)', async () => {
    expect(await show(name)).toMatchObject({
      state: 'running',
      reason: '',
      runtime: { agent: 'ready', init: 'ready' },
    });
    expect(
      await exec(
        name,
        'hostname; cat /root/.profile | head -1; findmnt -no FSTYPE,SOURCE /root || grep " /root " /proc/mounts',
      ),
    ).toMatch(/^life\n#.*profile.*\n.*ext4/);
    expect(await exec(name, 'stat -c "%a %U %G" /root')).toBe('700 root root\n');
  });

  test('a file written just before stop is there after start (C4), and the boot is another one', async () => {
    const before = (await show(name)).runtime?.bootId;
    await exec(
      name,
      'echo kept > /root/kept; echo kept > /etc/kept; dd if=/dev/urandom of=/root/big bs=1M count=20 status=none; sha256sum /root/big > /root/sum',
    );
    expect(await vm('stop', name)).toMatchObject({ status: 0 });
    expect(await show(name)).toMatchObject({ state: 'stopped', reason: '' });
    expect(vmProcessesOf(home)).toEqual([]);
    expect(await vm('start', name)).toMatchObject({ status: 0 });
    expect(await exec(name, 'cat /root/kept /etc/kept; sha256sum -c /root/sum')).toBe(
      'kept\nkept\n/root/big: OK\n',
    );
    expect((await show(name)).runtime?.bootId).not.toBe(before);
  });

  test('the guest reboots: the same VMM, another boot, and commands work again (C13)', async () => {
    const { runtime: before } = await show(name);
    await vm(
      'exec',
      name,
      '--',
      'sh',
      '-c',
      'echo 1 > /proc/sys/kernel/sysrq; sync; (sleep 0.3; echo b > /proc/sysrq-trigger) &',
    );
    const after = await until('the guest to be up again', async () => {
      const { state, runtime } = await show(name);
      expect(state).toBe('running');
      return runtime?.agent === 'ready' && runtime.bootId !== before?.bootId ? runtime : undefined;
    });
    expect(after.pid).toBe(before?.pid);
    expect(await exec(name, 'hostname')).toBe('life\n');
  });

  test('the guest powers off: stopped at once, with that reason, and nothing runs (C13)', async () => {
    await vm(
      'exec',
      name,
      '--',
      'sh',
      '-c',
      'echo 1 > /proc/sys/kernel/sysrq; sync; (sleep 0.3; echo o > /proc/sysrq-trigger) &',
    );
    await until('the VM to be stopped', async () =>
      (await show(name)).state === 'stopped' ? true : undefined,
    );
    expect((await show(name)).reason).toMatch(/powered off/);
    expect(vmProcessesOf(home)).toEqual([]);
    expect((await vm('exec', name, '--', 'true')).stderr).toContain('vm_not_running');
  });

  test('the guest kernel panics: error at once, with the last console lines; start works again (C13)', async () => {
    expect(await vm('start', name)).toMatchObject({ status: 0 });
    await vm(
      'exec',
      name,
      '--',
      'sh',
      '-c',
      'echo 1 > /proc/sys/kernel/sysrq; (sleep 0.3; echo c > /proc/sysrq-trigger) &',
    );
    await until('the VM to be in error', async () =>
      (await show(name)).state === 'error' ? true : undefined,
    );
    const { reason, hint } = await show(name);
    expect(reason).toMatch(/panicked/);
    expect(reason).toMatch(/sysrq triggered crash/);
    expect(hint).not.toBe('');
    expect(vmProcessesOf(home)).toEqual([]);
    expect(await vm('start', name)).toMatchObject({ status: 0 });
  });

  test('the VMM is killed by somebody: error with that reason, nothing left, start works again', async () => {
    const { runtime } = await show(name);
    if (runtime === undefined) throw new Error('It does not run.');
    process.kill(runtime.pid, 'SIGKILL');
    await until('the VM to be in error', async () =>
      (await show(name)).state === 'error' ? true : undefined,
    );
    expect((await show(name)).reason).toMatch(/VMM ended/);
    expect(entries(home, 'run', 'vm')).toEqual([]);
    expect(vmProcessesOf(home)).toEqual([]);
    expect(await vm('start', name)).toMatchObject({ status: 0 });
  });

  test('kill ends it as stopped; starting it twice is refused', async () => {
    expect((await vm('start', name)).stderr).toContain('vm_state');
    expect(await vm('kill', name)).toMatchObject({ status: 0 });
    expect(await show(name)).toMatchObject({ state: 'stopped', reason: expect.stringMatching(/killed/) });
    expect(vmProcessesOf(home)).toEqual([]);
    expect(await vm('start', name)).toMatchObject({ status: 0 });
  });

  test('restart is a new boot', async () => {
    const before = (await show(name)).runtime?.bootId;
    expect(await vm('restart', name)).toMatchObject({ status: 0 });
    expect((await show(name)).runtime?.bootId).not.toBe(before);
  });

  test('it outlives its daemon: the same boot, and commands work', async () => {
    const before = (await show(name)).runtime;
    await exec(name, 'nohup sleep 1000 >/dev/null 2>&1 & echo $! > /run/sleeper');
    const { pid } = await bangerJson<{ pid: number }>(['daemon', 'status'], { home });
    process.kill(pid, 'SIGKILL');
    const after = (await show(name)).runtime;
    expect(after).toMatchObject({ pid: before?.pid, bootId: before?.bootId });
    expect(await exec(name, 'kill -0 $(cat /run/sleeper) && echo alive')).toBe('alive\n');
  });

  test('its console can be read, from its first boot on', async () => {
    const { status, stdout } = await vm('logs', name);
    expect(status).toBe(0);
    expect(stdout).toMatch(/banger-agent/);
    expect((await vm('logs', name, '--lines', '1')).stdout.trimEnd().split('\n')).toHaveLength(1);
  });
});
