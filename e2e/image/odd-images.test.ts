import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { VmView } from '@banger/contract/vm';
import { writeLayout } from '@banger/daemon/drivers/image/oci/layout.suite';
import { archive } from '@banger/daemon/drivers/image/oci/tar/archive.suite';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { banger, bangerJson, type Outcome } from '../harness/banger.ts';
import { seen } from '../harness/seen.ts';
import { sharedHome } from '../harness/shared-home.ts';
import { until } from '../harness/until.ts';
import { alpineImage, bareImage, hostileImage, systemdImage } from './odd-layers.ts';

const home = sharedHome();
const names = ['odd-bare', 'odd-alpine', 'odd-hostile', 'odd-systemd'] as const;
let directory = '';

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'banger-odd-'));
  for (const [name, image] of Object.entries({
    'odd-bare': bareImage(directory),
    'odd-alpine': alpineImage(directory),
    'odd-hostile': hostileImage(),
    'odd-systemd': systemdImage(directory),
  })) {
    const layout = join(directory, name);
    writeLayout(layout, [archive(image.entries)], { config: image.config });
    const pull = ['image', 'pull', '--name', name, `oci:${layout}:image`];
    expect(await banger(pull, { home })).toMatchObject({ status: 0 });
  }
});
afterEach(() => banger(['vm', 'delete', 'odd'], { home }));
afterAll(async () => {
  for (const name of names) await banger(['image', 'delete', name], { home });
  rmSync(directory, { recursive: true });
});

const exec = (...words: readonly string[]): Promise<Outcome> => banger(['vm', 'exec', ...words], { home });
const show = (): Promise<VmView> => bangerJson<VmView>(['vm', 'show', 'odd'], { home });
const run = (image: string, input: string, ...words: readonly string[]): Promise<Outcome> =>
  banger(['vm', 'run', '--name', 'odd', '--image', image, ...words], { home, input });

test('one static program and nothing else: it is run as the image says, and without a shell all else works', async () => {
  const ran = await run('odd-bare', '');
  expect(ran.stdout).toBe(
    'user 1000:1001 of 1 groups in /var/lib/none, home /, A=image, <the entry point> <the command>\n',
  );
  expect(ran.status).toBe(2);

  const other = await exec('--user', 'root', '--workdir', '/', '-e', 'A=mine', 'odd', '--', '/teller');
  expect(other.stdout).toBe('user 0:0 of 1 groups in /, home /root, A=mine,\n');
  expect(await exec('--workdir', '/none', 'odd', '--', '/teller')).toMatchObject({
    status: 125,
    stderr: expect.stringMatching(/guest_failed[^]*cannot enter \/none: No such file or directory/),
  });
  expect(await exec('--user', 'nobody', 'odd', '--', '/teller')).toMatchObject({
    status: 125,
    stderr: expect.stringContaining('no such user: nobody'),
  });
  expect(await exec('odd', '--', 'teller')).toMatchObject({ status: 127 });
  expect(await banger(['vm', 'shell', 'odd'], { home })).toMatchObject({
    status: 127,
    stderr: expect.stringContaining('error[shell_not_found]'),
  });

  const [there, back] = ['there', 'back'].map((name) => join(directory, name));
  writeFileSync(there!, 'to and fro');
  expect(await banger(['vm', 'cp', there!, 'odd:/tmp/x'], { home })).toMatchObject({ status: 0 });
  expect(await banger(['vm', 'cp', 'odd:/tmp/x', back!], { home })).toMatchObject({ status: 0 });
  expect(readFileSync(back!, 'utf8')).toBe('to and fro');

  // The agent's own, found although the image has a PATH of its own.
  expect(await exec('--user', 'root', 'odd', '--', 'poweroff')).toMatchObject({ status: 0 });
  await until('the end of the VM', async () =>
    (await seen(home, 'odd')).state === 'stopped' ? true : undefined,
  );
  expect((await show()).warnings).toEqual([]);
});

test('Alpine: the shell of a user who has none, with what the image gave him', async () => {
  const script = [
    'id -u; id -Gn; pwd; echo "$SHELL $PATH"; teller shared',
    'touch /run/app/pid && stat -c "%U %a" /run/app',
    'head -n 1 /etc/resolv.conf; ls -ld /root | head -c 1; ls / | cat',
    'cat /proc/sys/net/ipv4/ip_unprivileged_port_start; exit 7',
  ];
  const { status, stdout, stderr } = await run('odd-alpine', `${script.join('\n')}\n`);
  expect({ status, stderr }).toMatchObject({ status: 7 });
  expect(stdout).toMatch(/^100\n(app log|log app)\n\/\n/);
  expect(stdout).toContain('/bin/sh /usr/bin:/bin:/run/banger/bin\n');
  expect(stdout).toContain('user 100:101 of 2 groups in /, home /srv/app, A=, <shared>\n');
  expect(stdout).toContain('app 750\nnameserver ');
  // A directory now, and what was there beside it.
  expect(stdout).toMatch(/\ndbin\n[^]*\nroot\nroot\.image\n[^]*\n0\n$/);
  const asRoot = await exec('--user', 'root', 'odd', '--', 'sh', '-c', 'echo $SHELL; cat ~/kept; mount');
  expect(asRoot.stdout).toMatch(/^\/bin\/ash\nby the image\n[^]* on \/root type ext4 /);
});

test('an image that has something else wherever a boot needs a directory boots, and names resolve in it', async () => {
  const asked = 'id -u; echo $HOME; cat /etc/hostname; head -n 1 /etc/resolv.conf; mount; ls /';
  const { status, stdout, stderr } = await run('odd-hostile', '', '--', 'sh', '-c', asked);
  expect({ status, stderr }).toMatchObject({ status: 0 });
  expect(stdout).toMatch(/^0\n\/root\nodd\nnameserver /);
  for (const place of ['proc', 'sys', 'dev', 'run', 'root']) {
    expect(stdout).toMatch(new RegExp(` on /${place} type`));
    expect(stdout).toMatch(new RegExp(`^${place}\\.image$`, 'm'));
  }
  expect((await show()).warnings).toEqual([]);
});

describe('systemd at /lib/systemd/systemd', () => {
  test('is started beside the agent, whatever cannot be read, and takes the machine down', async () => {
    expect(await run('odd-systemd', '', '--', 'ls', '/')).toMatchObject({ status: 0 });
    await until('systemd', async () =>
      (await exec('odd', '--', 'cat', '/proc/1/comm')).stdout === 'systemd\n' ? true : undefined,
    );
    expect((await show()).warnings.join('\n')).toBe(
      '/etc/hostname: Is a directory\n/etc/hosts: Is a directory',
    );
    expect(await banger(['vm', 'stop', 'odd'], { home })).toMatchObject({ status: 0 });
  });
});
