import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BangerError, isBangerError } from '@banger/contract/error';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ImageStore } from '../drivers/image/driver.ts';
import { archiveReaders } from '../drivers/image/oci/archive-readers.ts';
import { makeVmlinux } from '../drivers/kernel/fake/elf-fixture.ts';
import type { ImportedFiles } from '../drivers/kernel/driver.ts';
import { createFakeKernels, writeKernelTree } from '../drivers/kernel/fake/fake-kernel-host.ts';
import { catalogText } from '../drivers/kernel/kernel-archive.suite.ts';
import type { VmRepository } from '../store/vm-repository.ts';
import { KernelService } from './kernel.ts';
import { ownOperation, runOperation } from './operation.ts';

const { signal } = new AbortController();

let root: string;
let made: ReturnType<typeof createFakeKernels>;
let kernels: KernelService;
/** Kernel by VM, and by image. */
let vms: Record<string, string>;
let images: Record<string, string>;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'banger-kernels-'));
  await writeFile(join(root, 'agent'), 'the agent');
  await writeFile(join(root, 'vmlinux'), makeVmlinux('6.12.9'));
  await writeFile(join(root, 'catalog.json'), catalogText([]));
  [vms, images] = [{}, {}];
  made = createFakeKernels({
    root: join(root, 'kernels'),
    agent: join(root, 'agent'),
    readers: archiveReaders,
    catalogs: [join(root, 'catalog.json')],
  });
  const users = {
    vms: { list: () => Object.entries(vms).map(([name, kernel]) => ({ spec: { name, kernel } })) },
    images: {
      list: async () => ({
        images: Object.entries(images).map(([name, kernel]) => ({ manifest: { name, kernel } })),
        damaged: [],
      }),
    },
  } as unknown as { vms: Pick<VmRepository, 'list'>; images: Pick<ImageStore, 'list'> };
  kernels = new KernelService(made.store, made.source, users, pino({ level: 'silent' }));
});
afterEach(() => rm(root, { recursive: true }));

const here = (): Promise<string[]> => readdir(join(root, 'kernels')).catch(() => []);
const file = (): { from: string } => ({ from: join(root, 'vmlinux') });
const code = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'done',
    (error: unknown) => (isBangerError(error) ? error.code : error),
  );

describe('a deletion', () => {
  beforeEach(() => kernels.pull('debian-cloud', false, signal));

  test('is refused while a VM or an image has the kernel, naming all of them', async () => {
    [vms, images] = [{ box: 'debian-cloud', web: 'mine' }, { bookworm: 'debian-cloud' }];
    await expect(kernels.delete('debian-cloud', signal)).rejects.toMatchObject({
      code: 'kernel_in_use',
      message: 'The kernel debian-cloud is used by the VM box, the image bookworm.',
      details: { usedBy: ['box'], usedByImages: ['bookworm'] },
    });
    expect(await kernels.show('debian-cloud')).toMatchObject({
      usedBy: ['box'],
      usedByImages: ['bookworm'],
    });
    expect(await here()).toEqual(['debian-cloud']);
    [vms, images] = [{}, {}];
    await kernels.delete('debian-cloud', signal);
    expect(await here()).toEqual([]);
  });

  test('waits for a pull of that name', async () => {
    const begun = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    made.host.onDownload = () => {
      begun.resolve();
      return release.promise;
    };
    const pull = kernels.pull('debian-cloud', true, signal);
    await begun.promise;
    let isOver = false;
    const deletion = kernels.delete('debian-cloud', signal).then(() => (isOver = true));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(isOver).toBe(false);
    release.resolve();
    await Promise.all([pull, deletion]);
    expect(await here()).toEqual([]);
  });
});

describe('the kernel of an image', () => {
  const otherwise = 'debian-cloud';

  test('is the chosen one, else the other one, here or in a catalog; it is not fetched for that', async () => {
    const chosen = (ref?: string) =>
      kernels.forImage(
        'app',
        ref === undefined ? undefined : { ref },
        otherwise,
        signal,
        async (name) => name,
      );
    expect(await chosen()).toBe('debian-cloud');
    await kernels.import('mine', file(), false, signal);
    expect(await chosen('mine')).toBe('mine');
    expect(await here()).toEqual(['mine']);
  });

  test('that is nowhere is refused before anything is made', async () => {
    const work = async (): Promise<never> => expect.fail('work has begun');
    for (const choice of [{ ref: 'nothing' }, { from: join(root, 'nothing') }]) {
      const call = kernels.forImage('app', choice, otherwise, signal, work);
      expect(await code(call)).toBe('ref' in choice ? 'kernel_not_found' : 'invalid_argument');
    }
    expect(await code(kernels.forImage('app', undefined, 'nothing', signal, work))).toBe('kernel_not_found');
    expect(await here()).toEqual([]);
  });

  test('from files is imported under the name of the image', async () => {
    await kernels.forImage('app', file(), otherwise, signal, async (name) => {
      expect(name).toBe('app');
      expect(await here()).toEqual(['app']);
      images['app'] = name;
    });
    expect(await kernels.show('app')).toMatchObject({ release: '6.12.9', usedByImages: ['app'] });
    expect(await code(kernels.delete('app', signal))).toBe('kernel_in_use');
  });

  test('goes again when the image cannot be made', async () => {
    const work = async (): Promise<never> => {
      throw new Error('no image');
    };
    await expect(kernels.forImage('app', file(), otherwise, signal, work)).rejects.toThrow('no image');
    expect(await here()).toEqual([]);
  });

  test('cannot be deleted while the image is made', async () => {
    await kernels.pull('debian-cloud', false, signal);
    await kernels.forImage('app', undefined, otherwise, signal, async () => {
      expect(await code(kernels.delete('debian-cloud', signal))).toBe('kernel_in_use');
    });
    expect(await code(kernels.delete('debian-cloud', signal))).toBe('done');
  });

  test('that an image has already is left as it is, also when the image cannot be made again', async () => {
    const making = (work: () => Promise<unknown>): Promise<unknown> =>
      code(kernels.forImage('app', file(), otherwise, signal, work));
    await making(async () => (images['app'] = 'app'));
    const before = await made.store.get('app');
    expect(await making(async () => '')).toBe('done');
    expect(await making(() => Promise.reject(new BangerError('name_taken', 'no')))).toBe('name_taken');
    expect(await made.store.get('app')).toEqual(before);
  });

  test('is told from other files by what is in them', async () => {
    const is = (change: Partial<ImportedFiles> = {}, image = 'app'): Promise<boolean> =>
      kernels.isOf(image, { ...file(), ...change });
    const write = async (name: string, content: string | Buffer): Promise<string> => {
      await writeFile(join(root, name), content);
      return join(root, name);
    };
    await writeKernelTree(join(root, 'tree'));
    const [release = ''] = await readdir(join(root, 'tree/lib/modules'));
    const modules = join(root, 'tree/lib/modules', release);
    const initrd = await write('initrd', '070701');
    const all = { modules, initrd };
    expect(await is(all)).toBe(false);
    await kernels.forImage('app', { ...file(), ...all }, otherwise, signal, async () => undefined);
    expect(await is(all)).toBe(true);
    expect(await is({ ...all, from: await write('a-copy', makeVmlinux('6.12.9')) })).toBe(true);
    expect(await is({ ...all, from: await write('another', makeVmlinux('6.13.0')) })).toBe(false);
    expect(await is({ modules })).toBe(false);
    expect(await is({ initrd })).toBe(false);
    expect(await is({ ...all, initrd: await write('initrd', '070702') })).toBe(false);
    await write('initrd', '070701');
    await writeFile(join(modules, 'kernel/new.ko'), '');
    expect(await is(all)).toBe(false);
    await rm(join(modules, 'kernel/new.ko'));
    expect(await is(all)).toBe(true);
    expect(await code(is({ ...all, from: join(root, 'nothing') }))).toBe('invalid_argument');
    await kernels.import('mine', { ...file(), ...all }, false, signal);
    expect(await is(all, 'mine')).toBe(false);
  });

  test('replaces what a killed daemon left of it, and nothing else', async () => {
    const made = (): Promise<unknown> =>
      code(kernels.forImage('app', file(), otherwise, signal, async () => ''));
    await made();
    await writeFile(join(root, 'vmlinux'), makeVmlinux('6.13.0'));
    // The image is not there: nobody has come to the end.
    expect(await made()).toBe('done');
    await writeFile(join(root, 'vmlinux'), makeVmlinux('6.14.0'));
    vms['box'] = 'app';
    expect(await made()).toBe('kernel_exists');
    vms = {};
    images['app'] = 'app';
    expect(await made()).toBe('kernel_exists');
    images = {};
    await kernels.delete('app', signal);
    await kernels.import('app', file(), false, signal);
    expect(await made()).toBe('kernel_exists');
    expect(await here()).toEqual(['app']);
  });
});

test('a catalog that cannot be read is told, and hides nothing else', async () => {
  await writeFile(join(root, 'catalog.json'), '{');
  const warnings: string[] = [];
  const progress = ({ level, stage }: { level: string; stage: string }): void => {
    if (level === 'warning') warnings.push(stage);
  };
  const list = await runOperation({ ...ownOperation('test'), progress }, () => kernels.list(true));
  expect(list).toMatchObject([
    { name: 'debian-cloud', present: false, source: 'package linux-image-cloud-amd64' },
  ]);
  expect(warnings).toEqual([expect.stringContaining('it is not JSON')]);
  for (const call of ['look', 'show'] as const) expect(await code(kernels[call]('x'))).toBe('config_invalid');
  expect(await code(kernels.pull('x', false, signal))).toBe('config_invalid');
  expect(await code(kernels.pull('debian-cloud', false, signal))).toBe('done');
});
