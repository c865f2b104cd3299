import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listing } from '@banger/daemon/drivers/image/ext4/read/listing.suite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FaultHome } from '../faults/fault-home.ts';
import { until } from '../harness/until.ts';
import { busyboxLayout } from './busybox-image.ts';

/** Images that go from hand to hand: as bundles, and as root file systems of their user. */

const config = { Env: ['GREETING=from the image'], Cmd: ['/bin/sh'] };
const MIB = 1024 ** 2;

let directory: string;
let home: FaultHome;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'banger-share-'));
  mkdirSync(join(directory, 'out'));
  home = FaultHome.stocked([]);
});
afterAll(async () => {
  await home?.remove();
  rmSync(directory, { recursive: true });
});

const succeed = async (argv: readonly string[], input?: Uint8Array): Promise<string> => {
  const { status, stdout, stderr } = await home.run(argv, input === undefined ? {} : { input });
  expect(status, stderr).toBe(0);
  return stdout.trim();
};

describe('an image', () => {
  let file: string;

  test('is exported into a file whose name carries a piece of its hash', async () => {
    const layout = busyboxLayout(join(directory, 'layout'), config);
    await succeed(['image', 'pull', '--name', 'box', layout]);
    file = await succeed(['image', 'export', 'box', '--to', join(directory, 'out')]);
    const hash = createHash('sha256').update(readFileSync(file)).digest('hex');
    expect(file).toBe(join(directory, 'out', `box-${hash.slice(0, 12)}.tar.zst`));
    expect(readdirSync(join(directory, 'out'))).toHaveLength(1);
    const names = execFileSync('tar', ['--zstd', '-tf', file], { encoding: 'utf8' }).split('\n');
    expect(names.slice(0, 3)).toEqual(['manifest.json', 'rootfs/', 'rootfs/bin/']);
    expect(await succeed(['image', 'export', 'box', '--to', join(directory, 'out')])).toBe(file);
  });

  test('is the same when it is pulled from there, and boots', async () => {
    const rootDisk = home.at('state/images/box/root.ext4');
    const before = await listing(rootDisk);
    await succeed(['image', 'delete', 'box']);
    expect(await succeed(['image', 'pull', file])).toBe('box');
    expect(await listing(rootDisk)).toEqual(before);
    const script = 'cat /etc/motd /root/from-the-image; echo $GREETING';
    const run = ['vm', 'run', '--rm', '--image', file, '--', '/bin/sh', '-c', script];
    expect(await succeed(run)).toBe('the newer layer\nhello\nfrom the image');
  });

  test('is pulled from standard input, and nothing of what was sent stays', async () => {
    expect(await succeed(['image', 'pull', '--name', 'piped', '-'], readFileSync(file))).toBe('piped');
    expect(await home.image('piped')).toMatchObject({
      ...{ source: 'bundle', config: { env: config.Env } },
    });
    await succeed(['image', 'delete', 'piped', 'box']);
    await until('what was sent to go', async () => (home.leftovers().length === 0 ? true : undefined));
  });

  test('that is cut off is refused, and nothing is left', async () => {
    writeFileSync(join(directory, 'cut.tar.zst'), readFileSync(file).subarray(0, 100_000));
    const { status, stderr } = await home.run(['image', 'pull', join(directory, 'cut.tar.zst')]);
    expect([status, stderr]).toEqual([1, expect.stringContaining('image_invalid')]);
    expect(await home.images()).toEqual([]);
    expect(home.leftovers()).toEqual([]);
  });
});

describe('a root file system that its user made', () => {
  const rootfs = (): string => join(directory, 'rootfs.ext4');
  let tree: string;

  beforeAll(() => {
    tree = join(directory, 'tree');
    for (const path of ['bin', 'etc', 'root']) mkdirSync(join(tree, path), { recursive: true });
    const busybox = execFileSync('which', ['busybox'], { encoding: 'utf8' }).trim();
    copyFileSync(busybox, join(tree, 'bin/busybox'));
    chmodSync(join(tree, 'bin/busybox'), 0o755);
    for (const applet of ['sh', 'cat']) symlinkSync('busybox', join(tree, 'bin', applet));
    writeFileSync(join(tree, 'root/mine'), 'my own\n');
    writeFileSync(join(tree, 'etc/motd'), 'my root\n');
    const options = ['-q', '-t', 'ext4', '-E', 'root_owner=0:0', '-d', tree];
    execFileSync('mke2fs', [...options, rootfs(), '64M'], {
      env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` },
    });
  });

  test('boots as it is, and is not written to', async () => {
    const before = readFileSync(rootfs());
    expect(await succeed(['image', 'register', 'mine', '--rootfs', rootfs()])).toBe('mine');
    await succeed(['vm', 'create', '--name', 'box', '--image', 'mine', '--memory', '256']);
    const script = 'cat /etc/motd /root/mine; echo written >/etc/motd; cat /etc/motd';
    expect(await succeed(['vm', 'exec', 'box', '--', '/bin/sh', '-c', script])).toBe(
      'my root\nmy own\nwritten',
    );
    await succeed(['vm', 'stop', 'box']);
    expect(readFileSync(rootfs()).equals(before)).toBe(true);
    expect((await home.run(['image', 'promote', 'mine'])).stderr).toContain('image_in_use');
  });

  test('that has changed since is not booted, until it is as it was', async () => {
    const { atime, mtime } = statSync(rootfs());
    utimesSync(rootfs(), atime, new Date(mtime.getTime() + 1000));
    const { status, stderr } = await home.run(['vm', 'start', 'box']);
    expect([status, stderr]).toEqual([
      1,
      expect.stringContaining('has been changed since it was registered'),
    ]);
    await succeed(['vm', 'delete', 'box']);
    await succeed(['image', 'delete', 'mine']);
    expect(statSync(rootfs()).size).toBe(64 * MIB);
  });

  test('and packed by tar becomes a bundle, of which the same image is made', async () => {
    const archive = join(directory, 'packed.tar.gz');
    execFileSync('tar', ['--owner=0', '--group=0', '-C', tree, '-czf', archive, '.']);
    expect(await succeed(['image', 'pull', `tarball:${archive}`])).toBe('packed');
    await succeed(['image', 'pull', '--name', 'piped', 'tarball:-'], readFileSync(archive));
    const bundle = await succeed(['image', 'export', 'packed', '--to', join(directory, 'out')]);
    expect(bundle).toMatch(/\/packed-[0-9a-f]{12}\.tar\.zst$/);
    await succeed(['image', 'pull', '--name', 'again', bundle]);
    const found = (name: string) => listing(home.at('state/images', name, 'root.ext4'));
    const packed = await found('packed');
    expect(packed).toHaveProperty('/root/mine');
    expect(await found('piped')).toEqual(packed);
    expect(await found('again')).toEqual(packed);
    await succeed(['image', 'delete', 'packed', 'piped', 'again']);
  });

  test('that is promoted is of no further use', async () => {
    await succeed(['image', 'register', 'mine', '--rootfs', rootfs()]);
    await succeed(['image', 'promote', 'mine']);
    expect(await home.image('mine')).toMatchObject({ managed: true, source: 'file' });
    rmSync(rootfs());
    expect(await home.image('mine')).toMatchObject({ present: true });
    await succeed(['image', 'delete', 'mine']);
    await home.expectNothingLeft();
  });
});
