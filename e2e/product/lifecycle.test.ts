import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { DaemonStatus } from '@banger/contract/daemon';
import type { VmView } from '@banger/contract/vm';
import { powerOffSteps, releaseSteps } from '../../packages/daemon/src/services/vm/stop-steps.ts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { banger, bangerJson, startBanger, type Outcome } from '../harness/banger.ts';
import { entries, vmProcessesOf } from '../harness/leftovers.ts';
import { makeOtherBuild } from '../harness/other-build.ts';
import { seen } from '../harness/seen.ts';
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

const stopSteps = [...powerOffSteps, ...releaseSteps].map(({ name }) => name);
/** Says what was written before, and that a process of before still runs. */
const aliveAndWritten = 'cat /root/unsynced; kill -0 $(cat /run/sleeper) && echo alive';

/** Process group, session and terminal of a process: proc_pid_stat(5), whose second field may have anything in its parentheses. */
function placeOf(pid: number): {
  readonly group: string;
  readonly session: string;
  readonly terminal: string;
} {
  const [, , group = '', session = '', terminal = ''] = readFileSync(`/proc/${pid}/stat`, 'latin1')
    .split(') ')
    .at(-1)!
    .split(' ');
  return { group, session, terminal };
}

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

  test('the modules of its kernel are where programs look for them, and cannot be written to (E6)', async () => {
    const tried = 'cd /lib/modules/$(uname -r) && ls modules.dep; touch x 2>&1';
    const seen = await exec(name, `${tried}; find . -name "overlay.ko*" | head -1`);
    expect(seen).toMatch(/^modules\.dep$/m);
    expect(seen).toContain('Read-only file system');
    expect(seen).toMatch(/overlay\.ko/);
  });

  test('a file written just before stop is there after start (C4), and the boot is another one', async () => {
    const before = (await show(name)).runtime?.bootId;
    await exec(
      name,
      'echo kept > /root/kept; echo kept > /etc/kept; dd if=/dev/urandom of=/root/big bs=1M count=20 status=none; sha256sum /root/big > /root/sum',
    );
    expect(await vm('stop', name)).toMatchObject({ status: 0 });
    const stopped = await show(name);
    expect(stopped).toMatchObject({ state: 'stopped', reason: '' });
    expect(stopped.steps.map(({ name: step }) => step)).toEqual(stopSteps);
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
      const { state, runtime } = await seen(home, name);
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
      (await seen(home, name)).state === 'stopped' ? true : undefined,
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
      (await seen(home, name)).state === 'error' ? true : undefined,
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
      (await seen(home, name)).state === 'error' ? true : undefined,
    );
    expect((await show(name)).reason).toMatch(/VMM ended/);
    expect(entries(home, 'run', 'vm')).toEqual([]);
    expect(vmProcessesOf(home)).toEqual([]);
    expect(await vm('start', name)).toMatchObject({ status: 0 });
  });

  test('kill ends it as stopped, with all that its guest has synced; starting it twice changes nothing', async () => {
    const { runtime } = await show(name);
    expect(await vm('start', name)).toMatchObject({
      status: 0,
      stdout: `${name}: running (it ran already)\n`,
    });
    expect((await show(name)).runtime?.bootId).toBe(runtime?.bootId);
    await exec(name, 'echo synced > /root/synced; echo synced > /etc/synced; sync');
    expect(await vm('kill', name)).toMatchObject({ status: 0 });
    expect(await show(name)).toMatchObject({ state: 'stopped', reason: expect.stringMatching(/killed/) });
    expect(vmProcessesOf(home)).toEqual([]);
    expect(await vm('start', name)).toMatchObject({ status: 0 });
    expect(await exec(name, 'cat /root/synced /etc/synced')).toBe('synced\nsynced\n');
  });

  test('restart is a new boot, with what was written just before it', async () => {
    const before = (await show(name)).runtime?.bootId;
    await exec(name, 'echo written > /root/written');
    expect(await vm('restart', name)).toMatchObject({ status: 0 });
    const { runtime, steps } = await show(name);
    expect(runtime?.bootId).not.toBe(before);
    expect(steps.find(({ name: step }) => step === 'agent')).toMatchObject({ outcome: 'done' });
    expect(await exec(name, 'cat /root/written')).toBe('written\n');
  });

  test('it outlives a command line that is killed, and its daemon with its whole process group: the same boot, what was written, and commands work', async () => {
    const before = (await show(name)).runtime;
    await exec(
      name,
      'nohup sleep 1000 >/dev/null 2>&1 & echo $! > /run/sleeper; echo unsynced > /root/unsynced',
    );
    const command = startBanger(['vm', 'exec', name, '--', 'sh', '-c', 'echo here; sleep 1000'], { home });
    await once(command.stdout!, 'data');
    command.kill('SIGKILL');
    await once(command, 'close');
    expect((await show(name)).runtime).toMatchObject({ pid: before?.pid, bootId: before?.bootId });
    const { pid } = await bangerJson<DaemonStatus>(['daemon', 'status'], { home });
    // What a terminal, or a signal to its group, would take down with the daemon.
    const daemon = placeOf(pid);
    for (const { pid: own, argv } of vmProcessesOf(home)) {
      const { group, session, terminal } = placeOf(own);
      expect(group, argv).not.toBe(daemon.group);
      expect(session, argv).not.toBe(daemon.session);
      expect(terminal, argv).toBe('0');
    }
    process.kill(-pid, 'SIGKILL');
    const after = (await show(name)).runtime;
    expect(after).toMatchObject({ pid: before?.pid, bootId: before?.bootId });
    expect(await exec(name, aliveAndWritten)).toBe('unsynced\nalive\n');
  });

  test('it outlives the upgrade of its daemon: another build has the same boot and the same processes (A10)', async () => {
    const before = (await show(name)).runtime;
    const { pid, build } = await bangerJson<DaemonStatus>(['daemon', 'status'], { home });
    const other = makeOtherBuild(build.build);
    try {
      const { bin } = other;
      const seen = await bangerJson<VmView>(['vm', 'show', name], { home, bin });
      expect(seen).toMatchObject({
        state: 'running',
        reason: '',
        runtime: { pid: before?.pid, bootId: before?.bootId, agent: 'ready' },
      });
      const now = await bangerJson<DaemonStatus>(['daemon', 'status'], { home, bin });
      expect(now.build.build).toBe(other.build);
      expect(now.pid).not.toBe(pid);
      const exec = await banger(['vm', 'exec', name, '--', 'sh', '-c', aliveAndWritten], { home, bin });
      expect(exec).toMatchObject({ status: 0, stdout: 'unsynced\nalive\n' });
    } finally {
      // The build under test replaces it in turn.
      await show(name);
      other.remove();
    }
    expect(await exec(name, aliveAndWritten)).toBe('unsynced\nalive\n');
  });

  test('its console can be read, from its first boot on', async () => {
    const { status, stdout } = await vm('logs', name);
    expect(status).toBe(0);
    expect(stdout).toMatch(/banger-agent/);
    expect((await vm('logs', name, '--lines', '1')).stdout.trimEnd().split('\n')).toHaveLength(1);
  });
});
