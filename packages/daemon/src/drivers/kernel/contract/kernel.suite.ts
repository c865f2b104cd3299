import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StageContext, StageProgress } from '../../../domain/stage-progress.ts';
import type { KernelSource, KernelStore, StoredKernel } from '../driver.ts';

/** A kernel driver under test, on an empty store. */
export interface KernelHarness {
  readonly store: KernelStore;
  readonly source: KernelSource;
  /** Where the store's directories lie. */
  readonly root: string;
  /** In the catalog. */
  readonly known: string;
  /** Stages in which a pull is cancelled: each takes as long as the pull takes to get there. */
  readonly cancelAt: readonly string[];
  /** Puts the known kernel into the store as if it had been pulled, which may take long each time. */
  readonly stock: () => Promise<StoredKernel>;
  /** A directory that can be imported. */
  readonly importable: string;
  /** Replaces the agent's binary by another one that has this text in it. */
  readonly changeAgent: (text: string) => Promise<void>;
  readonly close: () => Promise<void>;
}

const KEEP = { force: false };
const FORCE = { force: true };

/** What every kernel store and source must do. */
export function kernelContract(name: string, open: () => Promise<KernelHarness>): void {
  describe(`kernel driver: ${name}`, () => {
    let harness: KernelHarness;
    beforeEach(async () => {
      harness = await open();
    });
    afterEach(() => harness.close());

    const context = (signal = new AbortController().signal): StageContext & { seen: StageProgress[] } => {
      const seen: StageProgress[] = [];
      return { signal, seen, onProgress: (progress) => seen.push(progress) };
    };
    const left = async (): Promise<readonly string[]> =>
      existsSync(harness.root) ? readdir(harness.root) : [];

    test('an empty store has nothing', async () => {
      const { store, known } = harness;
      expect(await store.list()).toEqual({ kernels: [], damaged: [] });
      expect(await store.get(known)).toBeUndefined();
      expect(await store.leftovers()).toEqual([]);
      await expect(store.remove(known)).rejects.toMatchObject({ code: 'kernel_not_found' });
      await expect(store.ready(known, context().signal)).rejects.toMatchObject({ code: 'kernel_not_found' });
    });

    test('names that would leave the store are refused', async () => {
      const { store, source } = harness;
      for (const bad of ['', '.', '..', '../x', 'a/b', '.hidden', 'a\nb', 'x'.repeat(129)]) {
        await expect(store.get(bad)).rejects.toMatchObject({ code: 'name_invalid' });
        await expect(store.remove(bad)).rejects.toMatchObject({ code: 'name_invalid' });
        await expect(source.pull(bad, KEEP, context())).rejects.toMatchObject({ code: 'name_invalid' });
        await expect(source.import(bad, { from: harness.importable }, KEEP, context())).rejects.toMatchObject(
          {
            code: 'name_invalid',
          },
        );
      }
    });

    test('a pulled kernel is whole, tells its stages, and is refused a second time', async () => {
      const { store, source, known } = harness;
      const told = context();
      const kernel = await source.pull(known, KEEP, told);
      expect(kernel.manifest).toMatchObject({ name: known, distribution: 'debian', arch: 'x86_64' });
      expect(kernel.manifest.release).toMatch(/^6\./);
      expect((await readFile(kernel.vmlinux)).subarray(0, 4)).toEqual(Buffer.from('\x7fELF', 'latin1'));
      expect((await readFile(kernel.initramfs)).toString('latin1', 0, 6)).toBe('070701');
      expect(existsSync(join(kernel.modules ?? '', 'kernel'))).toBe(true);
      expect(told.seen.map(({ stage }) => stage)).toContain('Building the initramfs');
      expect(told.seen.some(({ unit, done, total }) => unit === 'bytes' && done === total)).toBe(true);
      expect(await store.get(known)).toEqual(kernel);
      expect(await store.list()).toEqual({ kernels: [kernel], damaged: [] });
      expect(await left()).toEqual([known]);
      await expect(source.pull(known, KEEP, context())).rejects.toMatchObject({ code: 'kernel_exists' });
      expect((await source.pull(known, FORCE, context())).manifest.sha256).toBe(kernel.manifest.sha256);
      expect(await left()).toEqual([known]);
    });

    test('two pulls at once do the work once', async () => {
      const { source, known } = harness;
      const told = context();
      const [a, b] = await Promise.all([source.pull(known, KEEP, told), source.pull(known, KEEP, context())]);
      expect(a).toEqual(b);
      expect(told.seen.filter(({ stage }) => stage === 'Extracting vmlinux')).toHaveLength(1);
    });

    test('a cancelled pull leaves nothing, and the next one works', async () => {
      const { source, known, cancelAt } = harness;
      for (const stage of cancelAt) {
        const stop = new AbortController();
        const caller = {
          signal: stop.signal,
          onProgress: (progress: StageProgress) => progress.stage.startsWith(stage) && stop.abort(),
        };
        await expect(source.pull(known, KEEP, caller)).rejects.toMatchObject({ code: 'cancelled' });
        expect(await left()).toEqual([]);
      }
      await source.pull(known, KEEP, context());
      expect(await left()).toEqual([known]);
    });

    test('a waiter leaves alone; the one who stays gets the kernel', async () => {
      const { source, known } = harness;
      const stop = new AbortController();
      const stays = source.pull(known, KEEP, context());
      const leaves = source.pull(known, KEEP, context(stop.signal));
      stop.abort();
      await expect(leaves).rejects.toMatchObject({ code: 'cancelled' });
      expect((await stays).manifest.name).toBe(known);
    });

    test('what is not in the catalog or not on disk is told as that', async () => {
      const { source, root } = harness;
      await expect(source.pull('nothing', KEEP, context())).rejects.toMatchObject({
        code: 'kernel_not_found',
      });
      const missing = join(root, 'missing');
      await expect(source.import('x', { from: missing }, KEEP, context())).rejects.toMatchObject({
        code: 'invalid_argument',
      });
      await expect(source.import('x', { from: 'relative' }, KEEP, context())).rejects.toMatchObject({
        code: 'invalid_argument',
      });
      expect(await left()).toEqual([]);
    });

    test('a directory is imported, its files left where they are', async () => {
      const { store, source, importable } = harness;
      const before = await readdir(importable, { recursive: true });
      const kernel = await source.import('mine', { from: importable }, KEEP, context());
      expect(kernel.manifest).toMatchObject({ name: 'mine', source: `import ${importable}` });
      expect(kernel.manifest.modules).toContain('virtio_blk.ko');
      expect(await readdir(importable, { recursive: true })).toEqual(before);
      await store.remove('mine');
      expect(await left()).toEqual([]);
    });

    test('a changed agent gives a new initramfs, once', async () => {
      const { store, known, changeAgent, stock } = harness;
      const kernel = await stock();
      const { signal } = context();
      expect(await store.ready(known, signal)).toEqual(kernel);
      await changeAgent('the agent of another build');
      const [a, b] = await Promise.all([store.ready(known, signal), store.ready(known, signal)]);
      expect(a).toEqual(b);
      expect(a.manifest.initramfs.agentSha256).not.toBe(kernel.manifest.initramfs.agentSha256);
      expect((await readFile(a.initramfs)).includes('the agent of another build')).toBe(true);
      expect(await store.get(known)).toEqual(a);
      expect(await left()).toEqual([known]);
    });

    test('a start that is given up does not end the rebuild that another one waits for', async () => {
      const { store, known, changeAgent, stock } = harness;
      await stock();
      await changeAgent('the agent of another build');
      const first = new AbortController();
      const given = store.ready(known, first.signal);
      const kept = store.ready(known, context().signal);
      first.abort();
      await expect(given).rejects.toMatchObject({ code: 'cancelled' });
      expect((await readFile((await kept).initramfs)).includes('the agent of another build')).toBe(true);
      expect(await left()).toEqual([known]);
    });

    test('what a kill leaves is swept, and a half-done replacement undone', async () => {
      const { store, known, root, stock } = harness;
      const kernel = await stock();
      await rename(join(root, known), join(root, `.replaced-${known}.0123456789ab`));
      await mkdir(join(root, `.staging-${known}.0123456789ab/modules`), { recursive: true });
      await mkdir(join(root, '.removing-old.0123456789ab'));
      expect((await store.list()).kernels).toEqual([]);
      const found = await store.leftovers();
      expect(found).toHaveLength(3);
      for (const { since, remove } of found) {
        expect(Math.abs(Date.now() - since)).toBeLessThan(60_000);
        await remove();
        await remove();
      }
      expect(await left()).toEqual([known]);
      expect(await store.get(known)).toEqual(kernel);
    });

    test('a damaged kernel is told, and can be removed and replaced', async () => {
      const { store, source, known, root, stock } = harness;
      await stock();
      await writeFile(join(root, known, 'manifest.json'), '{"manifest": 1');
      await expect(store.get(known)).rejects.toMatchObject({ code: 'kernel_invalid' });
      await expect(store.ready(known, context().signal)).rejects.toMatchObject({ code: 'kernel_invalid' });
      expect((await store.list()).damaged).toMatchObject([{ name: known }]);
      await source.pull(known, FORCE, context());
      expect((await store.list()).damaged).toEqual([]);
      await store.remove(known);
      expect(await left()).toEqual([]);
    });

    test('idle waits for a pull to end', async () => {
      const { source, store, known } = harness;
      const { signal } = context();
      await source.idle(known, signal);
      const pull = source.pull(known, KEEP, context());
      await source.idle(known, signal);
      expect(await store.get(known)).toBeDefined();
      await pull;
    });
  });
}
