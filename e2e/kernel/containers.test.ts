import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { banger, type Outcome } from '../harness/banger.ts';
import { sharedHome } from '../harness/shared-home.ts';
import { compile } from '../image/odd-layers.ts';
import { buildPodmanImage, PODMAN } from './podman-image.ts';

const home = sharedHome();
const exec = (...argv: readonly string[]): Promise<Outcome> =>
  banger(['vm', 'exec', 'podman', '--', ...argv], { home });
const sh = (script: string): Promise<Outcome> => exec('sh', '-c', script);

let directory = '';
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'banger-podman-'));
  await buildPodmanImage(join(home, 'state/images'));
  const made = ['vm', 'create', '--name', 'podman', '--image', PODMAN, '--memory', '1G'];
  expect(await banger(made, { home })).toMatchObject({ status: 0 });
});
afterAll(async () => {
  await banger(['vm', 'delete', 'podman'], { home });
  await banger(['image', 'delete', PODMAN], { home });
  rmSync(directory, { recursive: true });
});

test('the modules of the kernel are where programs look for them, and cannot be written to', async () => {
  const asked = 'modprobe -n -v wireguard && touch /lib/modules/$(uname -r)/x';
  expect(await sh(asked)).toMatchObject({
    status: 1,
    stdout: expect.stringMatching(/insmod \/lib\/modules\/.*\/wireguard\.ko/),
    stderr: expect.stringContaining('Read-only file system'),
  });
});

test("a container of Debian's podman runs in a VM, on overlay and with a network of its own", async () => {
  const program = compile(directory, 'teller', ['-static']);
  expect(await banger(['vm', 'cp', program, 'podman:/tmp/teller'], { home })).toMatchObject({ status: 0 });
  expect(await sh('tar -C /tmp -c teller | podman import -q - teller')).toMatchObject({ status: 0 });
  const ran = await exec('podman', 'run', '--rm', '-e', 'A=b', 'teller', '/teller', 'in a container');
  expect(ran).toMatchObject({ status: 1, stdout: expect.stringContaining('A=b, <in a container>') });
  const said = await sh("podman info --format '{{.Store.GraphDriverName}}'; cut -d' ' -f1 /proc/modules");
  expect(said.stdout.split('\n')).toEqual(expect.arrayContaining(['overlay', 'veth', 'bridge', 'nf_tables']));
});

test('files are mounted as disks, and tunnels have their device', async () => {
  const tried = [
    'truncate -s 16M /tmp/disk && mke2fs -q -F /tmp/disk && mount -o loop /tmp/disk /mnt && touch /mnt/x',
    'modprobe tun && ls /dev/net/tun && ls /mnt',
  ];
  expect(await sh(tried.join(' && '))).toMatchObject({
    status: 0,
    stdout: '/dev/net/tun\nlost+found\nx\n',
  });
});
