import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { imageContract } from '@banger/daemon/drivers/image/contract/image.suite';
import { createRunner } from '@banger/daemon/host/execa-runner';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { banger } from '../harness/banger.ts';
import { sharedHome } from '../harness/shared-home.ts';
import { TINY, tinyImages } from './tiny-image.ts';

const runner = createRunner();

let directory: string;
let count = 0;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'banger-e2e-image-'));
});
afterAll(() => rm(directory, { recursive: true }));

/** Builds that end badly: `faults/interrupts.test.ts`, and `faults/room.test.ts` for a full disk. */
imageContract('mmdebstrap on this machine', async () => {
  const root = join(directory, `images-${(count += 1)}`);
  return {
    ...tinyImages(root),
    root,
    known: TINY,
    cancelAt: ['Downloading packages'],
    close: () => rm(root, { recursive: true, force: true }),
  };
});

/** What debugfs(8) prints for a request on a file system that nobody mounts. */
async function debugfs(file: string, request: string): Promise<string> {
  return (await runner.run(['debugfs', '-R', request, file])).stdout;
}

describe('what is in an image', () => {
  const images = join(sharedHome(), 'state/images');
  const root = join(images, 'debian-bookworm');

  test('its file systems are clean by e2fsck', async () => {
    for (const file of ['root.ext4', 'work.ext4']) await runner.run(['e2fsck', '-f', '-n', join(root, file)]);
  });

  test('owners and modes are those of Debian, whoever built it', async () => {
    const disk = join(root, 'root.ext4');
    for (const [path, mode, uid, gid] of [
      ['/', '0755', 0, 0],
      ['/etc/shadow', '0640', 0, 42],
      ['/var/local', '02775', 0, 50],
      ['/tmp', '01777', 0, 0],
      ['/etc/default/locale', '0644', 0, 0],
      ['/etc/machine-id', '0644', 0, 0],
    ] as const) {
      const stat = await debugfs(disk, `stat ${path}`);
      expect([path, /Mode: +(\d+)/.exec(stat)?.[1]]).toEqual([path, mode]);
      expect([path, /User: +(\d+)/.exec(stat)?.[1]]).toEqual([path, String(uid)]);
      expect([path, /Group: +(\d+)/.exec(stat)?.[1]]).toEqual([path, String(gid)]);
    }
  });

  test('nothing of this machine and nothing of the build is in it', async () => {
    const disk = join(root, 'root.ext4');
    const names = async (path: string): Promise<string> => debugfs(disk, `ls -p ${path}`);
    expect(await debugfs(disk, 'stat /etc/dpkg/dpkg.cfg.d/99mmdebstrap')).toBe('');
    for (const path of ['/etc/hostname', '/etc/hosts', '/etc/resolv.conf'])
      expect(await debugfs(disk, `cat ${path}`)).toMatch(/^(localhost\n|(# banger.*\n)+)$/);
    expect(await names('/etc/apt/apt.conf.d')).not.toContain('mmdebstrap');
    expect(await names('/var/lib/apt/lists')).not.toMatch(/Packages|Release|lock/);
    expect(await names('/var/cache/apt/archives')).not.toContain('.deb');
    expect(await names('/var/log/apt')).not.toContain('.log');
    expect(await debugfs(disk, 'cat /etc/machine-id')).toBe('');
    expect(await debugfs(disk, 'cat /etc/default/locale')).toBe('LANG=C.UTF-8\n');
    await banger(['image', 'pull', 'debian-bookworm-systemd'], { home: sharedHome() });
    const other = join(images, 'debian-bookworm-systemd', 'root.ext4');
    const masked = await debugfs(other, 'stat /etc/systemd/system/serial-getty@.service');
    expect(masked).toContain('Fast link dest: "/dev/null"');
    expect(await debugfs(disk, 'cat /etc/apt/sources.list')).toMatch(/^deb .* bookworm main/m);
  });

  test('the work disk has what the image has in /root, and can grow to 1 TiB', async () => {
    const disk = join(root, 'work.ext4');
    expect(await debugfs(disk, 'ls -p /')).toMatch(/\/100644\/0\/0\/\.bashrc\//);
    expect(/Mode: +(\d+)/.exec(await debugfs(disk, 'stat /'))?.[1]).toBe('0700');
    const copy = join(directory, 'work-copy.ext4');
    await runner.run(['cp', '--sparse=always', disk, copy]);
    await runner.run(['chmod', '600', copy]);
    await runner.run(['truncate', '--size=1T', copy]);
    await runner.run(['resize2fs', copy]);
    await runner.run(['e2fsck', '-f', '-n', copy]);
    await rm(copy);
  });
});
