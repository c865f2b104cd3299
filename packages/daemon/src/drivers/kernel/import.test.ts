import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StageProgress } from '../../domain/stage-progress.ts';
import { archiveReaders } from '../image/oci/archive-readers.ts';
import { writeCpio } from './cpio.ts';
import type { ImportedFiles, StoredKernel } from './driver.ts';
import { makeBzImage, makeVmlinux } from './fake/elf-fixture.ts';
import { createFakeKernels, writeKernelTree } from './fake/fake-kernel-host.ts';

const RELEASE = '6.12.9';
const IMAGE = makeBzImage(makeVmlinux(RELEASE), { release: RELEASE });
const { signal } = new AbortController();

let root: string;
let made: ReturnType<typeof createFakeKernels>;
let seen: StageProgress[];
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'banger-kernel-import-'));
  await writeFile(join(root, 'agent'), 'the agent');
  made = createFakeKernels({
    root: join(root, 'kernels'),
    agent: join(root, 'agent'),
    readers: archiveReaders,
  });
  seen = [];
  await writeFile(join(root, 'bzImage'), IMAGE);
});
afterEach(() => rm(root, { recursive: true }));

const at = (...path: string[]): string => join(root, ...path);
const importing = (files: ImportedFiles, force = false): Promise<StoredKernel> =>
  made.source.import('mine', files, { force }, { signal, onProgress: (each) => seen.push(each) });
const left = (): Promise<string[]> => readdir(at('kernels'));

describe('a kernel that has everything built in', () => {
  /** What `make modules_install` leaves of one: lists, and no module. */
  const built = async (names: readonly string[]): Promise<void> => {
    await mkdir(at('out/lib/modules', RELEASE), { recursive: true });
    await writeFile(at('out/bzImage'), IMAGE);
    const lines = names.map((name) => `kernel/drivers/${name}.ko\n`).join('');
    await writeFile(at('out/lib/modules', RELEASE, 'modules.builtin'), lines);
  };
  const NEEDED = ['virtio_pci', 'virtio_console', 'virtio_blk', 'ext4', 'virtio_net'];

  test('has an initramfs of the agent alone, and its lists for the guest', async () => {
    await built(NEEDED);
    const kernel = await importing({ from: at('out') });
    expect(kernel.manifest).toMatchObject({ release: RELEASE, modules: [] });
    const text = (await readFile(kernel.initramfs)).toString('latin1');
    expect(text).toContain('the agent');
    expect(text).not.toContain('.ko');
    expect(await readdir(kernel.modules ?? '')).toEqual(['modules.builtin']);
    expect(seen.some(({ level }) => level === 'notice' || level === 'warning')).toBe(false);
  });

  test.each(NEEDED)('is refused when its list has no %s', async (missing) => {
    await built(NEEDED.filter((name) => name !== missing));
    await expect(importing({ from: at('out') })).rejects.toMatchObject({
      code: 'kernel_invalid',
      details: { missing: [missing] },
    });
    expect(await left()).toEqual([]);
  });

  test('is taken at its word without lists, with a notice', async () => {
    expect((await importing({ from: at('bzImage') })).manifest.modules).toEqual([]);
    expect(seen.find(({ level }) => level === 'notice')?.stage).toContain('everything built in');
  });
});

describe('with --modules and --initrd', () => {
  test('modules may lie somewhere else', async () => {
    await writeKernelTree(at('tree'));
    const modules = at('tree/lib/modules/6.1.0-1-cloud-amd64');
    const kernel = await importing({ from: at('bzImage'), modules });
    expect(kernel.manifest.modules).toContain('virtio_blk.ko');
    expect(await readdir(join(modules, 'kernel'))).not.toEqual([]);
  });

  test.each(['tree', 'nothing'])('modules that are none are refused: %s', async (name) => {
    await writeKernelTree(at('tree'));
    await expect(importing({ from: at('bzImage'), modules: at(name) })).rejects.toMatchObject({
      code: 'kernel_invalid',
    });
    expect(await left()).toEqual([]);
  });

  const initrds: [string, Buffer][] = [
    ['as it is', writeCpio([{ kind: 'file', name: 'firmware', mode: 0o644, content: Buffer.from('x') }])],
    ['packed', gzipSync('an archive')],
  ];
  test.each(initrds)('an initrd comes first, %s, and stays when the agent changes', async (_what, initrd) => {
    await writeFile(at('initrd'), initrd);
    const kernel = await importing({ from: at('bzImage'), initrd: at('initrd') });
    const isIn = async (agent: string): Promise<void> => {
      const image = await readFile(kernel.initramfs);
      expect(image.subarray(0, initrd.length)).toEqual(initrd);
      const ours = image.indexOf('070701', initrd.length, 'latin1');
      expect(ours % 4).toBe(0);
      expect(ours - initrd.length).toBeLessThan(4);
      expect(image.includes(agent, ours)).toBe(true);
    };
    await isIn('the agent');
    await writeFile(at('agent'), 'a newer agent');
    await made.store.ready('mine', signal);
    await isIn('a newer agent');
  });

  test('an initrd that is none is refused', async () => {
    await writeFile(at('initrd'), 'text');
    await expect(importing({ from: at('bzImage'), initrd: at('initrd') })).rejects.toMatchObject({
      code: 'kernel_invalid',
      message: expect.stringContaining('is no initrd') as string,
    });
    await expect(importing({ from: at('bzImage'), initrd: at('nothing') })).rejects.toMatchObject({
      code: 'invalid_argument',
    });
    await expect(importing({ from: at('bzImage'), initrd: 'relative' })).rejects.toMatchObject({
      code: 'invalid_argument',
    });
    expect(await left()).toEqual([]);
  });
});

test('with force the next build replaces the one before, and one that is no kernel does not', async () => {
  const before = await importing({ from: at('bzImage') });
  await expect(importing({ from: at('bzImage') })).rejects.toMatchObject({ code: 'kernel_exists' });
  await writeFile(at('bzImage'), 'no kernel');
  await expect(importing({ from: at('bzImage') }, true)).rejects.toMatchObject({ code: 'kernel_invalid' });
  expect(await made.store.get('mine')).toEqual(before);
  await writeFile(at('bzImage'), makeBzImage(makeVmlinux('6.13.0'), { release: '6.13.0' }));
  expect((await importing({ from: at('bzImage') }, true)).manifest.release).toBe('6.13.0');
  expect(await left()).toEqual(['mine']);
});
