import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BlobCache, type Download } from './blob-cache.ts';

let home: string;
let root: string;
let cache: BlobCache;
let downloads: number;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'banger-blobs-'));
  root = join(home, 'blobs');
  cache = new BlobCache(root);
  downloads = 0;
});
afterEach(() => {
  rmSync(home, { recursive: true });
});

const content = Buffer.from('a layer');
const digest = `sha256:${createHash('sha256').update(content).digest('hex')}` as const;
const blob = { mediaType: 'any', digest, bytes: content.length };
const context = (signal = new AbortController().signal) => ({ signal, onProgress: () => undefined });
const download: Download = async (sink) => {
  downloads += 1;
  await sink.restart();
  await sink.write(Buffer.from('not this one'));
  await sink.restart();
  await sink.write(content.subarray(0, 3));
  await sink.write(content.subarray(3));
};

test('a blob is downloaded once, by whoever wants it at the same time too, and is private', async () => {
  const paths = await Promise.all([1, 2, 3].map(() => cache.fetch(blob, context(), download)));
  expect(new Set(paths).size).toBe(1);
  expect(readFileSync(paths[0] ?? '').equals(content)).toBe(true);
  await cache.fetch(blob, context(), download);
  expect(downloads).toBe(1);
  expect([statSync(root).mode & 0o777, statSync(paths[0] ?? '').mode & 0o777]).toEqual([0o700, 0o600]);
  expect(await cache.list()).toMatchObject([{ digest, bytes: content.length }]);
});

test('what fails or is given up leaves nothing', async () => {
  const fails: Download = async (sink) => {
    await sink.write(content);
    throw new Error('broken');
  };
  await expect(cache.fetch(blob, context(), fails)).rejects.toThrow('broken');
  const full: Download = () => Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' }));
  await expect(cache.fetch(blob, context(), full)).rejects.toMatchObject({ code: 'disk_full' });
  const stop = new AbortController();
  const hangs: Download = async (_sink, { signal }) => {
    stop.abort();
    await new Promise((_resolve, reject) =>
      signal.addEventListener('abort', () => reject(new Error('stopped'))),
    );
  };
  await expect(cache.fetch(blob, context(stop.signal), hangs)).rejects.toMatchObject({ code: 'cancelled' });
  expect(readdirSync(root)).toEqual([]);
});

test('a file that was cut short, or is none, is downloaded anew', async () => {
  const path = await cache.fetch(blob, context(), download);
  truncateSync(path, 3);
  await cache.fetch(blob, context(), download);
  rmSync(path);
  writeFileSync(join(home, 'mine'), 'mine!!!');
  symlinkSync(join(home, 'mine'), path);
  await cache.fetch(blob, context(), download);
  expect([readFileSync(path).equals(content), downloads]).toEqual([true, 3]);
  expect(readFileSync(join(home, 'mine'), 'utf8')).toBe('mine!!!');
});

test('a blob that is held is not removed', async () => {
  const path = await cache.fetch(blob, context(), download);
  await cache.holding([digest], async () => {
    await cache.holding([digest], async () => undefined);
    expect(await cache.remove(digest)).toBe(false);
  });
  expect(await cache.remove(digest)).toBe(true);
  expect([existsSync(path), await cache.remove(digest)]).toEqual([false, false]);
});

test('what a kill left is swept, and what is at work is not', async () => {
  let leftDuring = -1;
  await cache.fetch(blob, context(), async (sink, work) => {
    writeFileSync(join(root, '.staging-sha256-x.000000000000'), 'half');
    leftDuring = (await cache.leftovers()).length;
    await download(sink, work);
  });
  expect(leftDuring).toBe(1);
  for (const leftover of await cache.leftovers()) await leftover.remove();
  expect(readdirSync(root)).toEqual([digest.replace(':', '-')]);
});

test('a cache that is a link is refused', async () => {
  symlinkSync(home, root);
  await expect(cache.fetch(blob, context(), download)).rejects.toMatchObject({ code: 'path_unsafe' });
});
