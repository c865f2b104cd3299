import type { VmView } from '@banger/contract/vm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { banger, bangerJson } from '../harness/banger.ts';
import { vmProcessesOf } from '../harness/leftovers.ts';
import { sharedHome } from '../harness/shared-home.ts';
import { until } from '../harness/until.ts';

const home = sharedHome();
const name = 'units';
const show = () => bangerJson<VmView>(['vm', 'show', name], { home });
const guest = async (script: string): Promise<string> => {
  const { status, stdout, stderr } = await banger(['vm', 'exec', name, '--', 'sh', '-c', script], { home });
  if (status !== 0) throw new Error(`"${script}" ended with ${status}: ${stderr}${stdout}`);
  return stdout;
};

describe('an image whose PID 1 is systemd', () => {
  beforeAll(async () => {
    const { status, stderr } = await banger(
      ['vm', 'create', '--name', name, '--image', 'debian-bookworm-systemd'],
      { home },
    );
    expect(status, stderr).toBe(0);
  });
  afterAll(async () => {
    await banger(['vm', 'delete', name], { home });
    expect(vmProcessesOf(home)).toEqual([]);
  });

  test('the agent is there before the services are, and both are told apart', async () => {
    const { state, runtime } = await show();
    expect({ state, agent: runtime?.agent, init: runtime?.init }).toEqual({
      state: 'running',
      agent: 'ready',
      init: 'pending',
    });
    const ready = await until('the services to be up', async () => {
      const view = await show();
      return view.runtime?.init === 'pending' ? undefined : view.runtime;
    });
    expect(ready).toMatchObject({ init: 'ready', initDetail: 'running' });
    expect(await guest('readlink /proc/1/exe')).toMatch(/systemd\n$/);
  });

  test('nothing waited for a device or a disk that is not there (C10)', async () => {
    expect(await guest('journalctl -b --no-pager | grep -ci "timed out" || true')).toBe('0\n');
    expect(await guest('systemctl list-jobs --no-legend --no-pager')).toBe('');
    expect(await guest('systemctl --failed --no-legend --no-pager')).toBe('');
  });

  test('services work', async () => {
    await guest('systemd-run --unit=probe --remain-after-exit sh -c "echo served > /root/served"');
    expect(await guest('systemctl is-active probe; cat /root/served')).toBe('active\nserved\n');
  });

  test('`start --wait init` waits for the services; a stop takes seconds and loses nothing', async () => {
    await guest('echo kept > /etc/kept');
    const begun = Date.now();
    expect(await banger(['vm', 'stop', name], { home })).toMatchObject({ status: 0 });
    // systemd-shutdown would wait 90 s for a process that it cannot end.
    expect(Date.now() - begun).toBeLessThan(60_000);
    expect(await show()).toMatchObject({ state: 'stopped', reason: '' });
    expect(await banger(['vm', 'start', '--wait', 'init', name], { home })).toMatchObject({ status: 0 });
    expect((await show()).runtime?.init).toBe('ready');
    expect(await guest('cat /etc/kept /root/served')).toBe('kept\nserved\n');
  });

  test('`poweroff` and `reboot` typed in it are told apart (C13)', async () => {
    const before = (await show()).runtime?.bootId;
    await banger(['vm', 'exec', name, '--', 'systemctl', 'reboot'], { home });
    await until('the guest to be up again', async () => {
      const { runtime } = await show();
      return runtime?.agent === 'ready' && runtime.bootId !== before ? true : undefined;
    });
    // systemd can be told as soon as it listens, long before its services are up.
    await until('systemd to be told', async () => {
      const { status } = await banger(['vm', 'exec', name, '--', 'systemctl', 'poweroff'], { home });
      return status === 0 || (await show()).state !== 'running' ? true : undefined;
    });
    await until('the VM to be stopped', async () => ((await show()).state === 'stopped' ? true : undefined));
    expect((await show()).reason).toMatch(/powered off/);
  });
});
