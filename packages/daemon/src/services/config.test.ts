import { expect, test } from 'vitest';
import { BangerError } from '@banger/contract/error';
import { fillIn } from '../config/effective.ts';
import type { LoadedConfig } from '../config/load.ts';
import { readToml } from '../config/toml-document.ts';
import { validate } from '../config/validate.ts';
import { ConfigService } from './config.ts';

const host = { cpus: 8, memoryMib: 16_384 };
const file = '/home/me/.config/banger/config.toml';

function loaded(text: string | undefined): LoadedConfig {
  const { config, registries } = validate(readToml(text ?? ''));
  return {
    input: { file, uid: 1000, env: {}, host },
    text,
    effective: fillIn(config, { file, host, logLevel: undefined }),
    registries,
  };
}

const show = (before: string | undefined, now: string | undefined) =>
  new ConfigService(loaded(before), async () => loaded(now)).show();

test('every key is told as one would write it, with where it came from', async () => {
  const view = await show('auto_stop_stale_after = "120m"\n[vm_defaults]\ndisk_size = "16384M"', undefined);
  expect(view).toMatchObject({ file, found: true });
  expect(view.values).toEqual([
    { key: 'log_level', value: 'info', origin: 'default', source: '' },
    { key: 'default_image_name', value: 'debian-bookworm', origin: 'default', source: '' },
    { key: 'auto_stop_stale_after', value: '2h', origin: 'config', source: `${file}:1` },
    { key: 'image_catalogs', value: null, origin: 'default', source: '' },
    { key: 'kernel_catalogs', value: null, origin: 'default', source: '' },
    {
      key: 'vm_defaults.vcpu',
      value: 2,
      origin: 'host',
      source: 'a quarter of 8 CPUs, at least 1 and at most 4',
    },
    { key: 'vm_defaults.memory_mib', value: 2048, origin: 'host', source: expect.any(String) as string },
    { key: 'vm_defaults.disk_size', value: '16G', origin: 'config', source: `${file}:3` },
    { key: 'vm_defaults.root_size', value: '8G', origin: 'default', source: '' },
  ]);
});

test('of registries is told what the file says, and what it says otherwise by now', async () => {
  const before = '[registries."reg.test:5000"]\nplain_http = true\nmirrors = ["a.test", "b.test:1/c"]';
  const view = await show(before, '[registries.localhost]\nca_file = "/ca.pem"');
  expect(view.values.slice(9)).toEqual([
    {
      key: 'registries."reg.test:5000".mirrors',
      value: 'a.test, b.test:1/c',
      origin: 'config',
      source: `${file}:3`,
    },
    { key: 'registries."reg.test:5000".plain_http', value: 'true', origin: 'config', source: `${file}:2` },
  ]);
  expect(view.now).toEqual({
    state: 'changed',
    differences: [
      { key: 'registries."reg.test:5000".mirrors', from: 'a.test, b.test:1/c', to: null },
      { key: 'registries."reg.test:5000".plain_http', from: 'true', to: null },
      { key: 'registries.localhost.ca_file', from: null, to: '/ca.pem' },
    ],
  });
});

test('a file that is as it was has not changed', async () => {
  expect((await show('log_level = "warn"', 'log_level = "warn"')).now).toEqual({ state: 'unchanged' });
  expect((await show(undefined, undefined)).now).toEqual({ state: 'unchanged' });
});

test('of a file that has changed the values are told that differ', async () => {
  expect((await show('auto_stop_stale_after = "2h"', '# none\nvm_defaults.vcpu = 4')).now).toEqual({
    state: 'changed',
    differences: [
      { key: 'auto_stop_stale_after', from: '2h', to: null },
      { key: 'vm_defaults.vcpu', from: 2, to: 4 },
    ],
  });
  expect((await show(undefined, '# a comment')).now).toEqual({ state: 'changed', differences: [] });
});

test('a file that was broken meanwhile is told as that, beside what holds', async () => {
  const service = new ConfigService(loaded('log_level = "warn"'), () =>
    Promise.reject(new BangerError('config_invalid', 'config.toml:1:1: no.', { hint: 'Correct it.' })),
  );
  expect(await service.show()).toMatchObject({
    values: expect.arrayContaining([
      { key: 'log_level', value: 'warn', origin: 'config', source: `${file}:1` },
    ]),
    now: { state: 'invalid', code: 'config_invalid', message: 'config.toml:1:1: no.', hint: 'Correct it.' },
  });
});
