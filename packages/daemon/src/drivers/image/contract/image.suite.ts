import { existsSync } from 'node:fs';
import { chmod, mkdir, readdir, rename, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BangerError } from '@banger/contract/error';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StageContext, StageProgress } from '../../../domain/stage-progress.ts';
import type { ImageBuilder, ImageStore } from '../driver.ts';

/** An image driver under test, on an empty store. */
export interface ImageHarness {
  readonly store: ImageStore;
  readonly builder: ImageBuilder;
  /** Where the store's directories lie. */
  readonly root: string;
  /** In the catalog, cheap to build. */
  readonly known: string;
  /** Stages in which a build is cancelled: each takes as long as the build takes to get there. */
  readonly cancelAt: readonly string[];
  readonly close: () => Promise<void>;
}

const MIB = 1024 ** 2;

/** What every image store and builder must do. */
export function imageContract(name: string, open: () => Promise<ImageHarness>): void {
  describe(`image driver: ${name}`, () => {
    let harness: ImageHarness;
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

    test('an empty store has nothing, and no bad name leaves it', async () => {
      const { store, builder, known } = harness;
      expect(await store.list()).toEqual({ images: [], damaged: [] });
      expect(await store.get(known)).toBeUndefined();
      expect(await store.leftovers()).toEqual([]);
      await expect(store.remove(known)).rejects.toMatchObject({ code: 'image_not_found' });
      await expect(builder.build('nothing', context())).rejects.toMatchObject({ code: 'image_not_found' });
      for (const bad of ['', '.', '..', '../x', 'a/b', '.hidden', 'a\nb', 'x'.repeat(129)]) {
        await expect(store.get(bad)).rejects.toMatchObject({ code: 'name_invalid' });
        await expect(store.remove(bad)).rejects.toMatchObject({ code: 'name_invalid' });
        await expect(builder.build(bad, context())).rejects.toMatchObject({ code: 'name_invalid' });
      }
      expect(await left()).toEqual([]);
    });

    test('one build: done once for two, whole, told by steps, kept, damaged, swept, removed', async () => {
      const { store, builder, known, root } = harness;
      const told = context();
      const early = builder.idle(known, told.signal);
      const [image, other] = await Promise.all([builder.build(known, told), builder.build(known, context())]);
      await early;
      expect(other).toEqual(image);
      expect(told.seen.filter(({ stage }) => stage === 'Downloading packages')).toHaveLength(1);
      expect(told.seen.every(({ done, total, unit }) => unit === 'steps' && (done ?? 9) < (total ?? 0))).toBe(
        true,
      );
      const steps = told.seen.map(({ done }) => done ?? 0);
      expect(steps).toEqual(steps.toSorted((a, b) => a - b));

      expect(image.manifest).toMatchObject({
        name: known,
        distribution: 'debian',
        source: 'recipe',
        init: 'agent',
      });
      expect(image.manifest.rootBytes).toBeGreaterThanOrEqual(1024 * MIB);
      for (const [file, bytes] of [
        [image.rootDisk, image.manifest.rootBytes],
        [image.workTemplate, image.manifest.workBytes],
      ] as const) {
        const { size, mode, blocks } = await stat(file);
        expect([size, mode & 0o777]).toEqual([bytes, 0o400]);
        expect(blocks * 512).toBeLessThan(bytes);
      }
      expect(await store.list()).toEqual({ images: [image], damaged: [] });
      expect(await left()).toEqual([known]);
      expect(await readdir(join(root, known))).toEqual(['manifest.json', 'root.ext4', 'work.ext4']);
      expect(await builder.build(known, context())).toEqual(image);

      await rename(join(root, known), join(root, `.replaced-${known}.0123456789ab`));
      await mkdir(join(root, `.staging-${known}.0123456789ab/tree/etc`), { recursive: true });
      const found = await store.leftovers();
      expect(found).toHaveLength(2);
      for (const { remove } of found) await remove();
      expect(await left()).toEqual([known]);
      expect(await store.get(known)).toEqual(image);

      await chmod(image.rootDisk, 0o600);
      await truncate(image.rootDisk, 4096);
      await expect(store.get(known)).rejects.toMatchObject({ code: 'image_invalid' });
      await expect(builder.build(known, context())).rejects.toMatchObject({ code: 'image_invalid' });
      expect((await store.list()).damaged).toMatchObject([{ name: known }]);
      await writeFile(join(root, known, 'manifest.json'), '');
      expect((await store.list()).damaged).toMatchObject([{ name: known }]);
      await store.remove(known);
      expect(await left()).toEqual([]);
    });

    test('a cancelled build leaves nothing', async () => {
      const { builder, known } = harness;
      for (const stage of harness.cancelAt) {
        const stop = new AbortController();
        const onProgress = (progress: StageProgress): void => {
          if (progress.stage === stage) stop.abort();
        };
        const build = builder.build(known, { signal: stop.signal, onProgress });
        // With the message, so that a failure of another kind is seen.
        const error = await build.then(String, ({ code, message }: BangerError) => ({ code, message }));
        expect(error).toEqual({ code: 'cancelled', message: expect.any(String) as string });
        expect(await left()).toEqual([]);
        await builder.idle(known, context().signal);
      }
    });
  });
}
