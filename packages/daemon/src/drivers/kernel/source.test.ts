import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../host/clock.ts';
import { FakeExit, FakeRunner } from '../../host/fake-runner.ts';
import { archiveReaders } from '../image/oci/archive-readers.ts';
import { parsePackage } from './apt-archive.ts';
import { createFakeKernels } from './fake/fake-kernel-host.ts';
import { HostKernelSource } from './source.ts';

const KEEP = { force: false };

describe('pulling from the machine’s package manager', () => {
  let directory: string;
  let made: ReturnType<typeof createFakeKernels>;
  const stages: string[] = [];
  const context = {
    signal: new AbortController().signal,
    onProgress: ({ stage }: { stage: string }) => stages.push(stage),
  };
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'banger-kernel-source-'));
    await writeFile(join(directory, 'agent'), 'agent');
    made = createFakeKernels({
      root: join(directory, 'kernels'),
      agent: join(directory, 'agent'),
      readers: archiveReaders,
    });
    stages.length = 0;
  });
  afterEach(() => rm(directory, { recursive: true }));

  const pullWith = (runner: FakeRunner): Promise<unknown> =>
    new HostKernelSource({
      store: made.store,
      runner,
      agent: join(directory, 'agent'),
      readers: archiveReaders,
      downloads: { hosts: new Map(), clock: systemClock },
      catalogs: [],
    }).pull('debian-cloud', KEEP, context);

  test('lists that were never fetched are fetched for this once, privately', async () => {
    made.host.hasLists = false;
    await made.source.pull('debian-cloud', KEEP, context);
    expect(stages).toContain('Fetching package lists');
    const update = made.host.runner.runs.find((argv) => argv.includes('update'));
    expect(
      update?.some((word) => word.startsWith(`Dir::State=${join(directory, 'kernels')}/.staging-`)),
    ).toBe(true);
    expect(await readdir(join(directory, 'kernels'))).toEqual(['debian-cloud']);
    expect((await readdir(join(directory, 'kernels/debian-cloud'))).sort()).toEqual([
      'initramfs.img',
      'manifest.json',
      'modules',
      'vmlinux',
    ]);
  });

  test('a machine without apt is told the way out', async () => {
    await expect(pullWith(new FakeRunner({}))).rejects.toMatchObject({
      code: 'missing_tool',
      hint: expect.stringContaining('banger kernel import') as string,
    });
  });

  test('a distribution without such a package is told the way out', async () => {
    const unknown = (): never => {
      throw new FakeExit(100, 'E: No packages found');
    };
    await expect(
      pullWith(new FakeRunner({ 'apt-cache': unknown, 'apt-get': () => '' })),
    ).rejects.toMatchObject({
      code: 'kernel_not_found',
      hint: expect.stringContaining('banger kernel import') as string,
    });
  });

  test('a package that is not what the signed list says is refused', async () => {
    const { runner } = made.host;
    const tampering = new FakeRunner({
      'apt-cache': async (args, options) => (await runner.run(['apt-cache', ...args], options)).stdout,
      'apt-get': async (args, options) => {
        await runner.run(['apt-get', ...args], options);
        if (options.cwd !== undefined)
          await writeFile(join(options.cwd, 'linux-image_1_amd64.deb'), 'another one');
        return '';
      },
    });
    await expect(pullWith(tampering)).rejects.toMatchObject({
      code: 'command_failed',
      message: expect.stringContaining('not what its signed list says') as string,
    });
    expect(await readdir(join(directory, 'kernels'))).toEqual([]);
  });

  test('a full disk is told as that, and leaves the kernel of before', async () => {
    const before = await made.source.pull('debian-cloud', KEEP, context);
    made.host.onDownload = () =>
      Promise.reject(new FakeExit(100, 'E: Write error - write (28: No space left on device)'));
    await expect(made.source.pull('debian-cloud', { force: true }, context)).rejects.toMatchObject({
      code: 'disk_full',
    });
    expect(await made.store.get('debian-cloud')).toEqual(before);
    expect(await readdir(join(directory, 'kernels'))).toEqual(['debian-cloud']);
  });

  test('without the agent nothing is fetched', async () => {
    await rm(join(directory, 'agent'));
    await expect(made.source.pull('debian-cloud', KEEP, context)).rejects.toMatchObject({
      code: 'missing_tool',
    });
    expect(made.host.downloads).toBe(0);
  });
});

test('a stanza of apt-cache is read, and a broken one refused', () => {
  const stanza = [
    'Package: linux-image-6.1',
    'Version: 6.1.1-1',
    'Depends: kmod, linux-base (>= 4.3~), initramfs-tools (>= 0.120+deb8u2) | linux-initramfs-tool',
    'Description: Linux',
    ' Size: 7',
    'Size: 42',
    'SHA256: abc',
    '',
    'Package: another',
  ].join('\n');
  expect(parsePackage(stanza)).toEqual({
    name: 'linux-image-6.1',
    version: '6.1.1-1',
    size: 42,
    sha256: 'abc',
    depends: ['kmod', 'linux-base', 'initramfs-tools'],
  });
  expect(parsePackage('')).toBeUndefined();
  expect(parsePackage('Package: x\nVersion: 1\nSize: many\nSHA256: a')).toBeUndefined();
});
