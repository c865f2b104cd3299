import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { skopeo } from '@banger/daemon/drivers/image/oci/tools.suite';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { FaultHome } from '../faults/fault-home.ts';
import { onceSaid } from '../faults/once-said.ts';
import { entries } from '../harness/leftovers.ts';
import { busyboxLayout } from './busybox-image.ts';
import { DebianRegistry, PASSWORD, USER } from './debian-registry.ts';
import { makeLayout } from './oci-layout.ts';

/** Takes a second to be converted. */
const LARGE_LAYER_BYTES = 24 * 1024 ** 2;
const LOGIN = Buffer.from(`${USER}:${PASSWORD}`).toString('base64');
const config = {
  Env: ['GREETING=from the image'],
  WorkingDir: '/etc',
  Cmd: ['/bin/sh'],
  ExposedPorts: { '80/tcp': {} },
};

let directory: string;
let registry: DebianRegistry;
let layout: string;
let home: FaultHome;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'banger-pull-'));
  layout = busyboxLayout(join(directory, 'layout'), config);
  registry = await DebianRegistry.start({ directory, login: true });
  const to = ['--dest-tls-verify=false', '--dest-creds', `${USER}:${PASSWORD}`];
  skopeo(directory, ['copy', ...to, layout, `docker://${registry.host}/team/box:1`]);
  for (const kind of ['oci-archive', 'docker-archive'])
    skopeo(directory, ['copy', layout, `${kind}:${join(directory, kind)}.tar:box:1`]);

  home = FaultHome.stocked([]);
  mkdirSync(home.at('config'), { mode: 0o700 });
  writeFileSync(home.at('config/config.toml'), `[registries."${registry.host}"]\nplain_http = true\n`, {
    mode: 0o600,
  });
  mkdirSync(home.at('docker'));
  home.env = { DOCKER_CONFIG: home.at('docker') };
});
afterAll(async () => {
  await home?.remove();
  await registry?.end();
  rmSync(directory, { recursive: true });
});

const nothing = async (): Promise<void> => {
  expect(await home.images()).toEqual([]);
  expect(home.leftovers()).toEqual([]);
};

describe('an image of a registry', () => {
  test('that wants a login is refused without one, and the error says where it looked', async () => {
    const { status, stderr } = await home.run(['image', 'pull', `${registry.host}/team/box:1`]);
    expect(status).toBe(1);
    expect(stderr).toContain(home.at('docker/config.json'));
    expect(stderr).toContain('registry_auth');
    await nothing();
  });

  test('is pulled with it, told as it is, and no secret is shown', async () => {
    writeFileSync(
      home.at('docker/config.json'),
      JSON.stringify({ auths: { [registry.host]: { auth: LOGIN } } }),
    );
    const { status, stdout, stderr } = await home.run([
      'image',
      'pull',
      '--name',
      'box',
      `${registry.host}/team/box:1`,
    ]);
    expect([status, stdout], stderr).toEqual([0, 'box\n']);
    expect(stderr).not.toMatch(new RegExp(`${PASSWORD}|${LOGIN}`));
    const raw = skopeo(directory, [
      ...['inspect', '--raw', '--tls-verify=false', '--creds', `${USER}:${PASSWORD}`],
      `docker://${registry.host}/team/box:1`,
    ]);
    const { layers } = JSON.parse(raw) as { layers: { digest: string; size: number }[] };
    expect(await home.json(['image', 'show', 'box'])).toMatchObject({
      ...{ source: 'oci', reference: `${registry.host}/team/box:1`, usedBy: [] },
      digest: `sha256:${createHash('sha256').update(raw).digest('hex')}`,
      layers: layers.map(({ digest, size }) => ({ digest, bytes: size })),
      config: { env: config.Env, cwd: '/etc', cmd: ['/bin/sh'], exposedPorts: ['80/tcp'] },
    });
  });

  test('is used by what it was pulled as, with the registry gone', async () => {
    await registry.end();
    const run = ['vm', 'run', '--rm', '--image', `${registry.host}/team/box:1`];
    const script = 'cat /etc/motd /root/from-the-image; uname -s';
    expect(await home.run([...run, '--', '/bin/sh', '-c', script])).toMatchObject({
      status: 0,
      stdout: 'the newer layer\nhello\nLinux\n',
    });
    await registry.begin();
    await home.expectNothingLeft();
  });

  test('that nobody uses is deleted by that, too', async () => {
    expect(await home.run(['image', 'delete', `${registry.host}/team/box:1`])).toMatchObject({ status: 0 });
    await nothing();
  });

  test('is fetched by vm run itself', async () => {
    const { status, stdout, stderr } = await home.run([
      ...['vm', 'run', '--rm', '--image', `${registry.host}/team/box:1`, '--', '/bin/cat', '/etc/motd'],
    ]);
    expect([status, stdout], stderr).toEqual([0, 'the newer layer\n']);
    expect(stderr).toContain(`pulling ${registry.host}/team/box:1`);
    expect((await home.images()).map(({ name }) => name)).toEqual(['box-1']);
    await home.run(['image', 'delete', 'box-1']);
  });

  test('that is not there is told as that', async () => {
    const { status, stderr } = await home.run(['image', 'pull', `${registry.host}/team/box:2`]);
    expect(status).toBe(1);
    expect(stderr).toContain('image_not_found');
    await nothing();
  });
});

describe('an image of this machine', () => {
  afterEach(async () => {
    for (const { name } of await home.images()) await home.run(['image', 'delete', name]);
    await nothing();
  });

  test.each(['oci-archive', 'docker-archive'])('in an %s is pulled as the same one', async (kind) => {
    const { stdout } = await home.run(['image', 'pull', `${kind}:${join(directory, kind)}.tar:box:1`]);
    expect(stdout).toBe('box-1\n');
    expect(await home.json(['image', 'show', 'box-1'])).toMatchObject({
      config: { env: config.Env, cwd: '/etc' },
    });
  });

  test('in a directory is pulled by a relative path', async () => {
    const { stdout, stderr } = await home.run([
      'image',
      'pull',
      `oci:${relative(process.cwd(), join(directory, 'layout'))}:image`,
    ]);
    expect(stdout, stderr).toBe('image\n');
  });

  test('that is none is refused', async () => {
    writeFileSync(join(directory, 'text.tar'), 'no archive');
    const { status, stderr } = await home.run(['image', 'pull', `oci-archive:${directory}/text.tar`]);
    expect(status).toBe(1);
    expect(stderr).toContain('image_invalid');
  });
});

describe('the daemon is killed in a pull', () => {
  let large: string;
  beforeAll(() => {
    large = `${registry.host}/team/large:1`;
    const layout = makeLayout(mkdtempSync(join(directory, 'large-')), LARGE_LAYER_BYTES);
    const to = ['--dest-tls-verify=false', '--dest-creds', `${USER}:${PASSWORD}`, `docker://${large}`];
    skopeo(directory, ['--override-os', 'linux', 'copy', '--all', layout, ...to]);
  });

  test.each(['Asking the registry', 'Fetching layers', 'Writing the disk', 'Storing the image'])(
    'at "%s": the next one has nothing of it, or all',
    async (stage) => {
      const pid = await home.daemonPid();
      const begins = new RegExp(`^{"progress":.*"stage":"${stage}`, 'm');
      const { status, stderr } = await home.run(['image', 'pull', '--json', '--name', 'large', large], {
        onStart: (child) => onceSaid(child, begins, () => void process.kill(pid, 'SIGKILL')),
      });
      expect(stderr).toMatch(begins);
      const [whole] = await home.images();
      // By the time that it is killed it may have stored the image.
      if (whole === undefined) expect(status).toBe(1);
      else expect(await home.run(['image', 'delete', 'large'])).toMatchObject({ status: 0 });
      await nothing();
      expect(entries(home.path, 'cache', 'blobs').filter((name) => name.startsWith('.'))).toEqual([]);
    },
  );

  test('and what was killed four times is pulled all the same', async () => {
    expect(await home.run(['image', 'pull', large])).toMatchObject({ status: 0, stdout: 'large-1\n' });
    await home.run(['image', 'delete', 'large-1']);
  });
});
