import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { archiveReaders } from '../image/oci/archive-readers.ts';
import { createFakeKernels } from './fake/fake-kernel-host.ts';
import type { MakeDisk } from './store.ts';

const { signal } = new AbortController();
const context = { signal, onProgress: () => undefined };
const NAME = 'debian-cloud';

let root = '';
let made = 0;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'kernels-'));
  writeFileSync(join(root, 'agent'), 'the agent');
  made = 0;
});
afterEach(() => rmSync(root, { recursive: true }));

/** Makes a disk that says how many there were before it. */
const makeDisk: MakeDisk = async (directory, file) => {
  made += 1;
  expect(readdirSync(directory)).toContain('kernel');
  writeFileSync(file, `disk ${made}`.padEnd(100_000));
};

function kernels(how: MakeDisk | undefined = makeDisk) {
  const options = { root: join(root, 'kernels'), agent: join(root, 'agent'), readers: archiveReaders };
  return createFakeKernels(how === undefined ? options : { ...options, makeDisk: how });
}

test('is made before the first start, once, for all who start', async () => {
  const { store, source } = kernels();
  const pulled = await source.pull(NAME, { force: false }, context);
  expect(pulled.modulesDisk).toBeUndefined();
  const ready = await Promise.all([store.ready(NAME, signal), store.ready(NAME, signal)]);
  expect(new Set(ready.map(({ modulesDisk }) => modulesDisk))).toEqual(
    new Set([join(pulled.directory, 'modules.ext4')]),
  );
  expect(statSync(ready[0].modulesDisk ?? '').mode & 0o777).toBe(0o400);
  expect((await store.ready(NAME, signal)).manifest.bytes).toBeGreaterThanOrEqual(
    pulled.manifest.bytes + 100_000,
  );
  expect(made).toBe(1);
});

test('is made anew with a kernel that is fetched anew, and not with another agent', async () => {
  const { store, source } = kernels();
  await source.pull(NAME, { force: false }, context);
  await store.ready(NAME, signal);
  writeFileSync(join(root, 'agent'), 'another agent');
  expect((await store.ready(NAME, signal)).modulesDisk).toBeDefined();
  expect(made).toBe(1);
  await source.pull(NAME, { force: true }, context);
  await store.ready(NAME, signal);
  expect(made).toBe(2);
});

test('that could not be made leaves nothing, and is tried again', async () => {
  const { store, source } = kernels(async (directory, file, given) => {
    await makeDisk(directory, file, given);
    if (made === 1) throw new Error('no room');
  });
  const { directory } = await source.pull(NAME, { force: false }, context);
  await expect(store.ready(NAME, signal)).rejects.toThrow('no room');
  expect(existsSync(join(directory, 'modules.ext4'))).toBe(false);
  expect(readdirSync(join(root, 'kernels'))).toEqual([NAME]);
  expect((await store.ready(NAME, signal)).modulesDisk).toBeDefined();
});
