import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { settingsOf } from './effective.ts';
import { loadConfig, withoutFile } from './load.ts';
import { registriesOf } from './registry-keys.ts';

const GIB = 1024 ** 3;
const uid = process.getuid?.() ?? 0;
const host = { cpus: 8, memoryMib: 16_384 };

let root: string;
let file: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'banger-config-'));
  file = join(root, 'config/config.toml');
  mkdirSync(join(root, 'config'), { mode: 0o700 });
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

const load = (env: Record<string, string> = {}, user = uid) => loadConfig({ file, uid: user, env, host });

function write(text: string | Uint8Array, mode = 0o600): void {
  writeFileSync(file, text, { mode });
  chmodSync(file, mode);
}

/** The messages of a refusal, without the file's name. */
async function refusal(text: string): Promise<string[]> {
  write(text);
  const error = (await load().then(
    () => undefined,
    (thrown: unknown) => thrown,
  )) as { code: string; message: string } | undefined;
  expect(error?.code).toBe('config_invalid');
  return error?.message.split('\n').map((line) => line.replace(`${file}:`, '')) ?? [];
}

describe('values', () => {
  test('of no file are those that hold beside a file that cannot be used', async () => {
    const { effective } = await load();
    write('no TOML');
    const loaded = withoutFile({ file, uid, env: { BANGER_LOG_LEVEL: 'shout' }, host });
    expect(loaded.effective).toEqual(effective);
    expect(loaded.text).toBeUndefined();
  });

  test('without a file come from the host and from us', async () => {
    const { text, effective } = await load();
    expect(text).toBeUndefined();
    expect(settingsOf(effective)).toMatchObject({
      logLevel: 'info',
      autoStopStaleAfterMs: undefined,
      vmDefaults: {
        image: { value: 'debian-bookworm', origin: 'default' },
        vcpu: { value: 2, origin: 'host' },
        memoryMib: {
          value: 2048,
          origin: 'host',
          source: 'an eighth of 16384 MiB, at least 512 and at most 8192',
        },
        diskBytes: { value: 8 * GIB, origin: 'default' },
      },
    });
  });

  test('without a directory for it are the same', async () => {
    rmSync(join(root, 'config'), { recursive: true });
    expect((await load()).text).toBeUndefined();
  });

  test('in the file win, with their line', async () => {
    write(`# mine
log_level = "debug"
auto_stop_stale_after = "1d12h"
default_image_name = 'other.image'
kernel_catalogs = ["/srv/a.json", '/srv/b.json']

[vm_defaults]
vcpu = 3
memory_mib = 1_024
disk_size = "16GiB"
root_size = "12g"
`);
    const { effective } = await load();
    expect(settingsOf(effective)).toMatchObject({
      logLevel: 'debug',
      autoStopStaleAfterMs: 36 * 3_600_000,
      kernelCatalogs: ['/srv/a.json', '/srv/b.json'],
      vmDefaults: {
        image: { value: 'other.image', origin: 'config', source: `${file}:4` },
        vcpu: { value: 3, origin: 'config', source: `${file}:8` },
        memoryMib: { value: 1024 },
        diskBytes: { value: 16 * GIB },
        rootBytes: { value: 12 * GIB },
      },
    });
  });

  test.each(['vm_defaults.vcpu = 3', 'vm_defaults = { vcpu = 3 }', '[vm_defaults]\n"vcpu" = 0x3'])(
    'are the same however TOML has them written: %j',
    async (text) => {
      write(text);
      expect((await load()).effective['vm_defaults.vcpu'].value).toBe(3);
    },
  );

  test('of the environment win over the file, and an empty one is none', async () => {
    write('log_level = "debug"');
    const { effective } = await load({ BANGER_LOG_LEVEL: 'warn' });
    expect(effective.log_level).toEqual({ value: 'warn', origin: 'env', source: 'BANGER_LOG_LEVEL' });
    expect((await load({ BANGER_LOG_LEVEL: '' })).effective.log_level.value).toBe('debug');
    await expect(load({ BANGER_LOG_LEVEL: 'loud' })).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('BANGER_LOG_LEVEL must be one of trace, debug, info') as string,
    });
  });
});

test('what is said of registries is read, and nothing holds for others', async () => {
  write(`[registries."docker.io"]
mirrors = ["mirror.test", "mirror.test:5000/hub/proxy"]
[registries]
localhost = { plain_http = true }
"[::1]:5000" = { ca_file = "/etc/ca.pem" }
`);
  expect(registriesOf((await load()).registries)).toEqual(
    new Map([
      [
        'docker.io',
        {
          mirrors: [
            { host: 'mirror.test', prefix: '' },
            { host: 'mirror.test:5000', prefix: 'hub/proxy' },
          ],
          plainHttp: false,
          caFile: undefined,
        },
      ],
      ['localhost', { mirrors: [], plainHttp: true, caFile: undefined }],
      ['[::1]:5000', { mirrors: [], plainHttp: false, caFile: '/etc/ca.pem' }],
    ]),
  );
  write('');
  expect((await load()).registries.size).toBe(0);
});

describe('a file with mistakes', () => {
  test.each([
    ['registries = 1', '1:1: registries must be a table, and is 1'],
    ['[registry.x]', '1:1: there is no table registry; did you mean registries?'],
    ['registries.x = 1', '1:1: registries.x must be a table, and is 1'],
    [
      '[registries."a b"]\nplain_http = true',
      '1:1: registries."a b" is no registry: it must be a HOST or "HOST:PORT"',
    ],
    [
      '[registries."a.b:99999"]',
      '1:1: registries."a.b:99999" is no registry: it must be a HOST or "HOST:PORT"',
    ],
    [
      '[registries.a.b]\nplain_http = true',
      expect.stringMatching(/^1:1: there is no key registries.a.b; those/) as string,
    ],
    [
      'registries.x.plain-http = true',
      '1:1: there is no key registries.x.plain-http; did you mean registries.x.plain_http?',
    ],
    [
      'registries.x.insecure = true',
      expect.stringMatching(/^1:1: there is no key registries.x.insecure; those/) as string,
    ],
    ['registries.x.plain_http = "yes"', '1:1: registries.x.plain_http must be true or false, and is "yes"'],
    [
      'registries.x.ca_file = "ca.pem"',
      '1:1: registries.x.ca_file must be an absolute path, and is "ca.pem"',
    ],
    ...[
      '[]',
      '[1]',
      '["http://a"]',
      '["a", "A/B"]',
      '["a/"]',
      '["a/../b"]',
      '"a"',
      `[${'"a",'.repeat(9)}]`,
    ].map((mirrors): [string, string] => [
      `registries.x.mirrors = ${mirrors}`,
      expect.stringMatching(/^1:1: registries.x.mirrors must be an array of 1-8 texts as /) as string,
    ]),
    ['logLevel = "info"', '1:1: there is no key logLevel; did you mean log_level?'],
    ['\n  vcpu = 2', '2:3: there is no key vcpu; did you mean vm_defaults.vcpu?'],
    [
      '[vm_defaults]\nmemory = 1',
      '2:1: there is no key vm_defaults.memory; did you mean vm_defaults.memory_mib?',
    ],
    ['[vm_default]\nvcpu = 2\nx = 3', '1:1: there is no table vm_default; did you mean vm_defaults?'],
    ['vm_default.vcpu = 2', '1:1: there is no table vm_default; did you mean vm_defaults?'],
    [
      'log_level = 3',
      '1:1: log_level must be one of trace, debug, info, warn, error, fatal, silent, and is 3',
    ],
    [
      'log_level.x = 3',
      '1:1: log_level must be one of trace, debug, info, warn, error, fatal, silent, and is a table',
    ],
    ['vm_defaults = 3', '1:1: vm_defaults must be a table, and is 3'],
    ['[[vm_defaults]]\nvcpu = 2', '1:1: vm_defaults must be a table, and is an array of tables'],
    ['vm_defaults.vcpu = 0', '1:1: vm_defaults.vcpu must be a whole number from 1 to 128, and is 0'],
    [
      'vm_defaults.vcpu = 1.5',
      '1:1: vm_defaults.vcpu must be a whole number from 1 to 128, and is a number with a fraction',
    ],
    ['vm_defaults.vcpu = "2"', '1:1: vm_defaults.vcpu must be a whole number from 1 to 128, and is "2"'],
    [
      'vm_defaults.memory_mib = 64',
      '1:1: vm_defaults.memory_mib must be a whole number from 128 to 1048576, and is 64',
    ],
    [
      'vm_defaults.memory_mib = 99999999999999999999',
      '1:1: vm_defaults.memory_mib must be a whole number from 128 to 1048576, and is 100000000000000000000',
    ],
    [
      'vm_defaults.disk_size = "8"',
      '1:1: vm_defaults.disk_size must be a size with a unit, as "8G", from 64M to 1T, and is "8"',
    ],
    [
      'vm_defaults.disk_size = 8',
      '1:1: vm_defaults.disk_size must be a size with a unit, as "8G", from 64M to 1T, and is 8',
    ],
    [
      'vm_defaults.root_size = "1M"',
      '1:1: vm_defaults.root_size must be a size with a unit, as "8G", from 1G to 1T, and is "1M"',
    ],
    [
      'auto_stop_stale_after = "5s"',
      '1:1: auto_stop_stale_after must be a duration from 1m to 365d, as "2h" or "1d12h", and is "5s"',
    ],
    [
      'auto_stop_stale_after = true',
      '1:1: auto_stop_stale_after must be a duration from 1m to 365d, as "2h" or "1d12h", and is true or false',
    ],
    [
      'default_image_name = ["a"]',
      '1:1: default_image_name must be a name of 1-128 letters, digits, ".", "-" and "_", the first of them a letter, a digit or "_", and is an array',
    ],
    [
      'vm_defaults.vcpu = 2026-01-31',
      '1:1: vm_defaults.vcpu must be a whole number from 1 to 128, and is a date or time',
    ],
    ['log_level = ', '1:13: this is not TOML: Unspecified values are invalid'],
    [
      '[vm_defaults]\nvcpu = 1\n[registries."a"]\nmirrors = [ "x[", # ]\n  "y"\nca = "z"\n',
      '6:1: this is not TOML: Unexpected character, in an array that begins at 4:11 and has no end before this',
    ],
    [
      "image_catalogs = [\"/a\", '''/[\n''', [\"b\"]\nlog_level = 1",
      '3:1: this is not TOML: Unexpected character, in an array that begins at 1:18 and has no end before this',
    ],
    [
      'vm_defaults = { vcpu = 1',
      '1:25: this is not TOML: Unterminated inline table, in an inline table that begins at 1:15 and has no end before this',
    ],
    ['[vm_defaults\n', expect.not.stringContaining('begins at') as string],
    [
      'log_level = "info"\nlog_level = "warn"',
      '2:1: this is not TOML: Defining a key multiple times is invalid',
    ],
    [
      '__proto__ = 1',
      '1:1: there is no key __proto__; those there are: log_level, default_image_name, auto_stop_stale_after, image_catalogs, kernel_catalogs, vm_defaults.vcpu, vm_defaults.memory_mib, vm_defaults.disk_size, vm_defaults.root_size, vm_defaults, registries',
    ],
    ['"a\\nb" = 1', expect.stringMatching(/^1:1: there is no key "a\\nb"; those there are: /) as string],
    [
      `${'k'.repeat(9_000)} = 1`,
      expect.stringMatching(/^1:1: there is no key k{60}…; those there are: /) as string,
    ],
  ])('mistake %# is refused with the place, the key and what is meant', async (text, message) => {
    expect(await refusal(text)).toEqual([message]);
  });

  test('is told all at once, up to a number that can be read', async () => {
    const text = Array.from({ length: 9 }, (_, index) => `log_leve${index} = 1`).join('\n');
    const lines = await refusal(text);
    expect(lines).toHaveLength(6);
    expect(lines.at(-1)).toBe('… and 4 more');
    await expect(load()).rejects.toMatchObject({
      details: {
        file,
        problems: expect.arrayContaining([
          { line: 2, column: 1, key: 'log_leve1', message: expect.any(String) },
        ]),
      },
    });
  });
});

describe('a file that is there', () => {
  test.each<[string, () => void, string]>([
    ['is writable by its group', () => write('', 0o620), 'can be written by other users'],
    ['is writable by all', () => write('', 0o602), 'can be written by other users'],
    [
      'is in a directory that all may write',
      () => {
        write('');
        chmodSync(join(root, 'config'), 0o707);
      },
      'can be written by every user',
    ],
  ])('and %s is refused as unsafe', async (_what, make, says) => {
    make();
    await expect(load()).rejects.toMatchObject({
      code: 'path_unsafe',
      message: expect.stringContaining(says) as string,
    });
  });

  test('and belongs to another user is refused as unsafe', async () => {
    write('');
    if (uid === 0) chownSync(file, 1234, 1234);
    await expect(load({}, uid === 0 ? 0 : uid + 1)).rejects.toMatchObject({ code: 'path_unsafe' });
  });

  test.each<[string, () => void, string]>([
    ['is a directory', () => mkdirSync(file), 'is not a file'],
    ['is a link to nothing', () => symlinkSync('gone', file), 'is a symbolic link to nothing'],
    ['is no text', () => write(Uint8Array.of(0xff, 0xfe)), 'is not UTF-8 text'],
    ['is too long', () => write('#'.repeat(70_000)), 'is longer than 64 KiB'],
    [
      'is not below a directory',
      () => {
        rmSync(join(root, 'config'), { recursive: true });
        writeFileSync(join(root, 'config'), '');
      },
      'cannot be read (ENOTDIR)',
    ],
  ])('and %s is refused, not passed over', async (_what, make, says) => {
    make();
    await expect(load()).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining(says) as string,
    });
  });

  test("may be a link into a repository of one's own", async () => {
    writeFileSync(join(root, 'mine.toml'), 'log_level = "warn"', { mode: 0o644 });
    chmodSync(join(root, 'mine.toml'), 0o644);
    symlinkSync('../mine.toml', file);
    expect((await load()).effective.log_level.value).toBe('warn');
  });
});
