import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { FakeRunner } from '@banger/testkit/fake-runner';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ConfiguredCredentials } from './credentials.ts';
import { HUB, HUB_CREDENTIALS_KEY } from './docker-hub.ts';

const SECRET = 'hunter2hunter2';
const auth = Buffer.from(`me:${SECRET}`).toString('base64');
const mine = { kind: 'password', username: 'me', password: SECRET };

let home: string;
let runner: FakeRunner;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'banger-login-'));
  runner = new FakeRunner({ 'docker-credential-vault': '/usr/bin/docker-credential-vault' });
});
afterEach(() => {
  runner.verify();
  rmSync(home, { recursive: true });
});

function write(path: string, value: unknown): void {
  mkdirSync(dirname(join(home, path)), { recursive: true });
  writeFileSync(join(home, path), typeof value === 'string' ? value : JSON.stringify(value));
}
const find = (host: string, repository = 'team/app', environment: Record<string, string> = {}) =>
  new ConfiguredCredentials({ runner, environment, home }).find(
    host,
    repository,
    new AbortController().signal,
  );

test('without any file nothing is found, and every place is told', async () => {
  expect(await find('reg.test', 'a', { XDG_RUNTIME_DIR: `${home}/run` })).toEqual({
    found: undefined,
    from: undefined,
    looked: [
      `${home}/.docker/config.json (not there)`,
      `${home}/run/containers/auth.json (not there)`,
      `${home}/.config/containers/auth.json (not there)`,
    ],
  });
});

test.each<[string, string, string]>([
  ['reg.test', 'reg.test', 'team/app'],
  ['https://reg.test/v2/', 'reg.test', 'team/app'],
  ['reg.test:5000', 'reg.test:5000', 'team/app'],
  [HUB_CREDENTIALS_KEY, HUB, 'library/debian'],
  [HUB, HUB, 'library/debian'],
  ['reg.test/team', 'reg.test', 'team/app'],
  ['reg.test/team/app', 'reg.test', 'team/app'],
])('a login under %s is for %s/%s', async (key, host, repository) => {
  write('.docker/config.json', { auths: { other: { auth: 'eDp5' }, [key]: { auth } } });
  expect(await find(host, repository)).toMatchObject({ found: mine, from: `${home}/.docker/config.json` });
});

test.each([
  ['reg.test', 'reg.test:5000'],
  ['reg.test/other', 'reg.test'],
  ['reg.test/te', 'reg.test'],
  ['https://reg.test.evil.test/v2/', 'reg.test'],
  ['__proto__', 'reg.test'],
])('a login under %s is not for %s', async (key, host) => {
  write('.docker/config.json', { auths: { [key]: { auth } } });
  expect(await find(host)).toMatchObject({ found: undefined });
});

test('the most precise login wins', async () => {
  write('.config/containers/auth.json', {
    auths: { 'reg.test': { auth: 'eDp5' }, 'reg.test/team': { auth } },
  });
  expect(await find('reg.test')).toMatchObject({ found: mine });
});

test('logins have several forms', async () => {
  const one = async (entry: unknown) => {
    write('.docker/config.json', { auths: { 'reg.test': entry } });
    return (await find('reg.test')).found;
  };
  expect(await one({ username: 'me', password: SECRET })).toEqual(mine);
  expect(await one({ auth: Buffer.from(`me:${SECRET}\0\0`).toString('base64') })).toEqual(mine);
  expect(await one({ auth: Buffer.from('me:a:b').toString('base64') })).toMatchObject({ password: 'a:b' });
  expect(await one({ auth, identitytoken: SECRET })).toEqual({ kind: 'identity', token: SECRET });
  expect(await one({ registrytoken: SECRET })).toEqual({ kind: 'registry', token: SECRET });
  for (const none of [{}, { auth: '' }, { auth: 'nocolon' }]) expect(await one(none)).toBeUndefined();
});

test('the environment says where the files are', async () => {
  write('elsewhere/config.json', { auths: { 'reg.test': { auth } } });
  expect((await find('reg.test', 'a', { DOCKER_CONFIG: `${home}/elsewhere` })).found).toEqual(mine);
  write('auth.json', { auths: { 'pod.test': { auth } } });
  expect((await find('pod.test', 'a', { REGISTRY_AUTH_FILE: `${home}/auth.json` })).found).toEqual(mine);
});

test.each<[string, (path: string) => void, string]>([
  [
    'broken JSON',
    () => write('.docker/config.json', `{"auths":{"reg.test":{"auth":"${auth}"`),
    'is not JSON',
  ],
  [
    'another shape',
    () => write('.docker/config.json', { auths: { 'reg.test': SECRET } }),
    'has not the expected content at auths.reg.test',
  ],
  [
    'a helper by path',
    () => write('.docker/config.json', { credsStore: '../../tmp/evil' }),
    'has not the expected content at credsStore',
  ],
  ['too much', () => write('.docker/config.json', ' '.repeat(2 ** 20 + 1)), 'is too long'],
  ['a directory', (path) => mkdirSync(path, { recursive: true }), 'is not a file'],
  ['a FIFO', (path) => (mkdirSync(dirname(path)), execFileSync('mkfifo', [path])), 'is not a file'],
])('a file with %s is told and shown nothing of', async (_what, make, says) => {
  make(join(home, '.docker/config.json'));
  const search = await find('reg.test');
  expect(search.looked[0]).toBe(`${home}/.docker/config.json (${says})`);
  expect(JSON.stringify(search)).not.toMatch(new RegExp(`${SECRET}|${auth}`));
});

test('a helper is asked, of the host before that of all, and before the file', async () => {
  write('.docker/config.json', {
    credsStore: 'none',
    credHelpers: { 'reg.test': 'vault' },
    auths: { 'reg.test': { auth: 'eDp5' } },
  });
  const inputs: unknown[] = [];
  runner.expectRun(['docker-credential-vault', 'get'], {
    stdout: JSON.stringify({ ServerURL: 'reg.test', Username: 'me', Secret: SECRET }),
    effect: (_argv, { input }) => void inputs.push(input),
  });
  expect(await find('reg.test')).toMatchObject({
    found: mine,
    from: expect.stringContaining('docker-credential-vault') as string,
  });
  expect(inputs).toEqual(['reg.test']);
  expect((await find('other.test')).looked[0]).toContain('docker-credential-none, which');
});

test('a helper gets what tells where it looks, and the name that Docker has for its hub', async () => {
  write('.docker/config.json', { credsStore: 'vault' });
  const seen: unknown[] = [];
  runner.expectRun(['docker-credential-vault', 'get'], {
    stdout: JSON.stringify({ Username: '<token>', Secret: SECRET }),
    effect: (_argv, { input, env }) => void seen.push(input, env),
  });
  const environment = { GNUPGHOME: '/keys', AWS_SECRET_ACCESS_KEY: 'no' };
  expect((await find(HUB, 'library/a', environment)).found).toEqual({ kind: 'identity', token: SECRET });
  expect(seen).toEqual([HUB_CREDENTIALS_KEY, { GNUPGHOME: '/keys' }]);
});

test.each([
  [{ stdout: 'credentials not found in native keychain\n', exitCode: 1 }, 'nothing for reg.test'],
  [{ stdout: SECRET, exitCode: 1 }, 'failed'],
  [{ stderr: SECRET, exitCode: 2 }, 'failed'],
  [{ stdout: SECRET }, 'gave no answer that can be read'],
])('a helper that has nothing is told and the file is looked at: %j', async (script, says) => {
  write('.docker/config.json', { credsStore: 'vault', auths: { 'reg.test': {} } });
  runner.expectRun(['docker-credential-vault', 'get'], script);
  const { found, looked } = await find('reg.test');
  expect(found).toBeUndefined();
  expect(looked[0]).toBe(`docker-credential-vault, which ${home}/.docker/config.json names (${says})`);
  expect(looked.join()).not.toContain(SECRET);
});
