import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { VmExec } from '@banger/contract/exec';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { FakeCommand } from '../../drivers/guest/fake/fake-state.ts';
import { FakeHost } from './fake-host.suite.ts';

const never = new AbortController().signal;

/** Tells how it was called. */
const told: FakeCommand = ({ argv, login, cwd, user, env, stdout }) => {
  stdout.write(JSON.stringify({ argv, login, cwd, user, env }));
  stdout.end();
  return { status: 0 };
};

let host: FakeHost;
beforeEach(async () => {
  host = await FakeHost.make();
  host.guestOptions = { commands: { '/server': told, id: told, '/bin/sh': told }, users: ['web', 'other'] };
});
afterEach(() => host.close());

interface Words {
  readonly config: object;
  readonly shell: boolean;
  readonly init?: string;
}

/** Has the stored image be one that others made, and say this of its use. */
function imageSays(words: Words): void {
  const file = join(host.layout.images, 'debian-bookworm', 'manifest.json');
  const {
    suite: _suite,
    recipeSha256: _recipe,
    ...common
  } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  const manifest = {
    ...common,
    source: 'oci',
    reference: 'oci:/x',
    digest: 'sha256:0',
    layers: [],
    ...words,
  };
  writeFileSync(file, JSON.stringify(manifest));
}

const config = {
  env: ['A=image', 'B=image', 'ALONE'],
  cwd: 'srv',
  user: 'web',
  entrypoint: ['/server'],
  cmd: ['--port', '80'],
  exposedPorts: ['80/tcp'],
};

/** A VM of an image that says so, which then says something else. */
async function make(words?: Words): Promise<void> {
  await host.deps.images.ensure('debian-bookworm', never);
  if (words !== undefined) imageSays(words);
  await host.vms.create(host.spec('box', { env: ['B=vm'] }), { start: true, waitInit: false }, never);
  imageSays({ config: { ...config, user: 'gone' }, shell: true });
}

async function run(request: Partial<VmExec>): Promise<unknown> {
  const exec = await host.vms.exec({ vm: 'box', argv: ['id'], env: [], ...request }, never);
  exec.stderr.resume();
  const [said] = await Promise.all([text(exec.stdout), exec.exit]);
  return JSON.parse(said);
}

test('commands run as the image said when the VM was made, whatever it says later', async () => {
  await make({ config, shell: false });
  const expected = { argv: ['id'], cwd: '/srv', user: 'web' };
  expect(await run({})).toMatchObject(expected);
  const variables = host.guest?.state.configurations.map((payload) =>
    Buffer.from(payload).toString('latin1'),
  );
  expect(variables).toEqual([expect.stringMatching(/A=image.*B=vm/s)]);
  expect(variables?.[0]).not.toMatch(/B=image|ALONE/);
  await host.restart();
  expect(await run({})).toMatchObject(expected);
  expect(await run({ argv: [], orImageCommand: true })).toMatchObject({ argv: ['/server', '--port', '80'] });
});

test('the caller wins', async () => {
  await make({ config, shell: false });
  const request = { user: 'other', cwd: '/tmp', env: ['A=mine'] };
  expect(await run(request)).toMatchObject({ cwd: '/tmp', user: 'other', env: { A: 'mine' } });
});

test('an image with a shell opens it', async () => {
  await make({ config, shell: true });
  expect(await run({ argv: [], orImageCommand: true })).toMatchObject({ login: true, user: 'web' });
});

test('an image that says nothing is as ever', async () => {
  await make();
  const said = await run({ argv: [], orImageCommand: true });
  expect(said).not.toHaveProperty('user');
  expect(said).not.toHaveProperty('cwd');
});

test('an init that is the command of its image is not run a second time', async () => {
  await make({
    config: { ...config, entrypoint: [], cmd: ['/sbin/init'] },
    shell: false,
    init: '/sbin/init',
  });
  const asked = run({ argv: [], orImageCommand: true });
  await expect(asked).rejects.toMatchObject({ code: 'shell_not_found' });
});

test('a fresh root disk brings what its image says now', async () => {
  await make({ config, shell: false });
  imageSays({ config: { ...config, user: 'other' }, shell: false });
  await host.vms.reset('box', false, never);
  expect(await run({})).toMatchObject({ user: 'other' });
});

test('an environment that no guest could take is refused before anything is made', async () => {
  const env = [`A=${'x'.repeat(600 * 1024)}`];
  await expect(make({ config: { ...config, env }, shell: false })).rejects.toMatchObject({
    code: 'invalid_argument',
  });
  expect(await host.vms.list()).toEqual([]);
});
