import { BangerError } from '@banger/contract/error';
import type { ConfigView } from '@banger/contract/config';
import { expect, test } from 'vitest';
import { FakeDaemon } from '../fake-daemon.suite.ts';
import { fakeMachine, run } from '../fake-machine.suite.ts';

const config: ConfigView = {
  file: '/home/me/.config/banger/config.toml',
  found: true,
  values: [
    { key: 'log_level', value: 'warn', origin: 'env', source: 'BANGER_LOG_LEVEL' },
    { key: 'auto_stop_stale_after', value: null, origin: 'default', source: '' },
    { key: 'vm_defaults.vcpu', value: 2, origin: 'host', source: 'a quarter of 8 CPUs' },
    { key: 'vm_defaults.disk_size', value: '16G', origin: 'config', source: '/home/me/config.toml:3' },
  ],
  now: { state: 'unchanged' },
};

const show = (change: Partial<ConfigView> = {}, line = 'config show') =>
  run(line, fakeMachine({ client: new FakeDaemon({ 'config.show': () => ({ ...config, ...change }) }) }));

test('config show tells every value and where it came from', async () => {
  expect((await show()).out).toMatchInlineSnapshot(`
    "/home/me/.config/banger/config.toml

    KEY                    VALUE  FROM
    log_level              warn   env: BANGER_LOG_LEVEL
    auto_stop_stale_after  off    default
    vm_defaults.vcpu       2      host: a quarter of 8 CPUs
    vm_defaults.disk_size  16G    /home/me/config.toml:3
    "
  `);
  expect(JSON.parse((await show({}, 'config show --json')).out)).toEqual(config);
  expect((await show({ found: false })).out).toMatch(
    /^\/home\/me\/.config\/banger\/config.toml \(not there\)\n/,
  );
  expect((await show({}, 'config show -q')).out).toMatch(/^KEY /);
});

test('config show tells what a changed file would change', async () => {
  const differences = [{ key: 'vm_defaults.vcpu', from: 2, to: 4 }];
  const changed = await show({ now: { state: 'changed', differences } });
  expect(changed.status).toBe(0);
  expect(changed.out).toMatch(/changed since\. `banger daemon stop` .*:\n {2}vm_defaults.vcpu: 4, not 2\n$/);
  expect((await show({ now: { state: 'changed', differences: [] } })).out).toContain('no value differs');
});

test('config show tells what holds when the file is broken, and fails', async () => {
  const now = {
    state: 'invalid',
    code: 'config_invalid',
    message: 'config.toml:3:1: no.',
    hint: 'Mend it.',
  } as const;
  const { status, out, err } = await show({ now });
  expect(status).toBe(1);
  expect(out).toContain('what the daemon read before still holds');
  expect(out).not.toContain('not there');
  expect((await show({ now, found: false })).out).toContain(
    'config.toml (not there when the daemon started)\n',
  );
  expect(err).toBe('error[config_invalid]: config.toml:3:1: no.\nhint: Mend it.\n');
});

test('a daemon that does not start with the file is told as one error', async () => {
  const connect = () =>
    Promise.reject(new BangerError('config_invalid', 'config.toml:3:1: no.', { hint: 'Mend it.' }));
  expect(await run('config show', fakeMachine({ connect }))).toEqual({
    status: 1,
    out: '',
    err: 'error[config_invalid]: config.toml:3:1: no.\nhint: Mend it.\n',
  });
});

test('config path needs no daemon', async () => {
  const machine = fakeMachine();
  expect((await run('config path', machine)).out).toBe('/none/config/config.toml\n');
  expect(machine.connects).toEqual([]);
});
