import type { VmView } from '@banger/contract/vm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { banger, bangerJson } from '../harness/banger.ts';
import { vmProcessesOf } from '../harness/leftovers.ts';
import { seen } from '../harness/seen.ts';
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
    const create = ['vm', 'create', '--no-start', '--name', name, '--image', 'debian-bookworm-systemd'];
    expect(await banger(create, { home })).toMatchObject({ status: 0 });
  });
  afterAll(async () => {
    await banger(['vm', 'delete', name], { home });
    expect(vmProcessesOf(home)).toEqual([]);
  });

  test('`start --wait init` waits for the services', async () => {
    expect(await banger(['vm', 'start', '--wait', 'init', name], { home })).toMatchObject({ status: 0 });
    expect((await show()).runtime).toMatchObject({ agent: 'ready', init: 'ready', initDetail: 'running' });
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

  test('a stop takes seconds and loses nothing; `start` waits for the agent alone, and tells it from the services', async () => {
    await guest('echo kept > /etc/kept');
    const begun = Date.now();
    expect(await banger(['vm', 'stop', name], { home })).toMatchObject({ status: 0 });
    // systemd-shutdown would wait 90 s for a process that it cannot end.
    expect(Date.now() - begun).toBeLessThan(60_000);
    expect(await show()).toMatchObject({ state: 'stopped', reason: '' });
    expect(await banger(['vm', 'start', name], { home })).toMatchObject({ status: 0 });
    const { state, runtime } = await show();
    expect({ state, agent: runtime?.agent, init: runtime?.init }).toEqual({
      ...{ state: 'running', agent: 'ready', init: 'pending' },
    });
    expect(await guest('cat /etc/kept /root/served')).toBe('kept\nserved\n');
  });

  test('`poweroff` and `reboot` typed in it are told apart (C13)', async () => {
    /** systemd can be told as soon as it listens, long before its services are up. */
    const tell = (what: string, heard: (vm: VmView) => boolean): Promise<true> =>
      until('systemd to be told', async () => {
        const { status } = await banger(['vm', 'exec', name, '--', 'systemctl', what], { home });
        return status === 0 || heard(await seen(home, name)) ? true : undefined;
      });
    const before = (await show()).runtime?.bootId;
    await tell('reboot', ({ runtime }) => runtime?.bootId !== before);
    await until('the guest to be up again', async () => {
      const { runtime } = await seen(home, name);
      return runtime?.agent === 'ready' && runtime.bootId !== before ? true : undefined;
    });
    await tell('poweroff', ({ state }) => state !== 'running');
    await until('the VM to be stopped', async () =>
      (await seen(home, name)).state === 'stopped' ? true : undefined,
    );
    expect((await show()).reason).toMatch(/powered off/);
  });
});
