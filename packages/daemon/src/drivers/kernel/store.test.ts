import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { archiveReaders } from '../image/oci/archive-readers.ts';
import { createFakeKernels } from './fake/fake-kernel-host.ts';
import type { KernelManifest } from './manifest.ts';

const NAME = 'debian-cloud';
const NEW_SHA256 = 'f'.repeat(64);
const never = new AbortController().signal;

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'banger-kernels-'))));
afterEach(() => rmSync(directory, { recursive: true }));

const manifestIn = (kernel: string): KernelManifest =>
  JSON.parse(readFileSync(join(kernel, 'manifest.json'), 'utf8')) as KernelManifest;

test('a kernel that is pulled anew while the initramfs of the one before is rebuilt gets one of its own', async () => {
  const agent = join(directory, 'agent');
  writeFileSync(agent, 'the agent');
  const { store, source } = createFakeKernels({
    root: join(directory, 'kernels'),
    agent,
    readers: archiveReaders,
  });
  const old = await source.pull(NAME, { force: false }, { signal: never, onProgress: () => undefined });

  // Whoever reads the newer agent waits until somebody writes it.
  rmSync(agent);
  execFileSync('mkfifo', [agent]);
  const ready = store.ready(NAME, never);
  const newer = async (meanwhile: () => Promise<void>): Promise<void> => {
    await using pipe = await open(agent, 'w');
    await meanwhile();
    await pipe.writeFile('a newer agent');
  };
  await newer(async () => undefined);
  await newer(async () => {
    await store.staged.make(NAME, 'replace', async (staging) => {
      cpSync(old.directory, staging, { recursive: true });
      writeFileSync(join(staging, 'vmlinux'), 'the new kernel');
      const manifest = { ...manifestIn(staging), sha256: NEW_SHA256, createdAt: '2026-01-01T00:00:00.000Z' };
      writeFileSync(join(staging, 'manifest.json'), JSON.stringify(manifest));
    });
    rmSync(agent);
    writeFileSync(agent, 'a newer agent');
  });

  const kernel = await ready;
  expect(kernel).toMatchObject({ directory: old.directory, manifest: { sha256: NEW_SHA256 } });
  expect(manifestIn(kernel.directory)).toEqual(kernel.manifest);
  expect(readFileSync(kernel.vmlinux, 'utf8')).toBe('the new kernel');
  expect(readFileSync(kernel.initramfs).includes('a newer agent')).toBe(true);
  expect(await store.leftovers()).toEqual([]);
});
