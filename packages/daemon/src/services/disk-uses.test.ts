import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash } from 'node:crypto';
import type { ImageView } from '@banger/contract/image';
import type { KernelView } from '@banger/contract/kernel';
import type { VmView } from '@banger/contract/vm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BlobCache } from '../drivers/image/registry/blob-cache.ts';
import { diskUses } from './disk-uses.ts';
import { pruneLayers } from './layer-cache.ts';

let root: string;
let layers: BlobCache;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'banger-layers-'));
  layers = new BlobCache(join(root, 'blobs'));
});
afterEach(() => rmSync(root, { recursive: true }));

const context = { signal: new AbortController().signal, onProgress: () => undefined };
const blobOf = (text: string) =>
  ({
    mediaType: 'any',
    digest: `sha256:${createHash('sha256').update(text).digest('hex')}`,
    bytes: text.length,
  }) as const;
const fetchLayer = (text: string): Promise<string> =>
  layers.fetch(blobOf(text), context, (sink) => sink.write(Buffer.from(text)));

test('what nobody needs could be freed', async () => {
  await fetchLayer('seven b');
  const images = [
    { diskUsedBytes: 10, usedBy: ['box'] },
    { diskUsedBytes: 3, usedBy: [] as string[] },
  ] as ImageView[];
  const kernels = [{ diskUsedBytes: 5, usedBy: [] as string[], usedByImages: ['debian'] }] as KernelView[];
  const vms = [
    { diskUsedBytes: 1, state: 'running', protected: false },
    { diskUsedBytes: 2, state: 'stopped', protected: false },
    { diskUsedBytes: 4, state: 'stopped', protected: true },
  ] as VmView[];
  const uses = await diskUses({
    images: { list: async () => images },
    kernels: { list: async () => kernels },
    vms: { list: async () => vms },
    layers,
  });
  expect(uses).toEqual([
    { kind: 'images', count: 2, needed: 1, bytes: 13, freeableBytes: 3 },
    { kind: 'kernels', count: 1, needed: 1, bytes: 5, freeableBytes: 0 },
    { kind: 'vms', count: 3, needed: 2, bytes: 7, freeableBytes: 2 },
    { kind: 'layers', count: 1, needed: 0, bytes: 7, freeableBytes: 7 },
  ]);
});

test('without a cache there are no layers to prune', async () => {
  expect(await pruneLayers(layers, false)).toEqual({ layers: 0, bytes: 0, kept: 0 });
});

test('layers are pruned but for those that a pull works with, and a dry run only counts', async () => {
  for (const text of ['one', 'three']) await fetchLayer(text);
  await layers.holding([blobOf('one').digest], async () => {
    expect(await pruneLayers(layers, true)).toEqual({ layers: 1, bytes: 5, kept: 1 });
    expect(readdirSync(join(root, 'blobs'))).toHaveLength(2);
    expect(await pruneLayers(layers, false)).toEqual({ layers: 1, bytes: 5, kept: 1 });
    expect(readdirSync(join(root, 'blobs'))).toHaveLength(1);
  });
  expect(await pruneLayers(layers, false)).toEqual({ layers: 1, bytes: 3, kept: 0 });
  expect(readdirSync(join(root, 'blobs'))).toEqual([]);
});
