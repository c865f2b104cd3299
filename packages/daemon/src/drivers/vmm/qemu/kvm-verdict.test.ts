import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readVerdict, UNSURE_NO_MS, writeVerdict } from './kvm-verdict.ts';

const key = { hostKernel: '6.1', vmm: 'qemu 7.2.22', cpu: 'A CPU' };
const error = { works: false, reason: 'it failed', final: true, checkedAt: 1_000_000 };
const timeout = { works: false, reason: 'it was slow', final: false, checkedAt: 1_000_000 };

let dir: string;
let file: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'verdict-'));
  file = join(dir, 'kvm.json');
});
afterEach(() => rm(dir, { recursive: true }));

it('keeps a "no" by error, and a "yes", for good', async () => {
  for (const verdict of [error, { ...error, works: true }]) {
    await writeVerdict(file, key, verdict);
    expect(await readVerdict(file, key, 1_000_000 + 100 * UNSURE_NO_MS)).toEqual(verdict);
  }
});

it('lets a "no" by time-out run out, and one of the future too', async () => {
  await writeVerdict(file, key, timeout);
  expect(await readVerdict(file, key, timeout.checkedAt + UNSURE_NO_MS - 1)).toEqual(timeout);
  expect(await readVerdict(file, key, timeout.checkedAt + UNSURE_NO_MS)).toBeUndefined();
  expect(await readVerdict(file, key, timeout.checkedAt - 1)).toBeUndefined();
});

it.each(['hostKernel', 'vmm', 'cpu'])('is none with another %s', async (part) => {
  await writeVerdict(file, key, error);
  expect(await readVerdict(file, { ...key, [part]: 'another' }, 1_000_000)).toBeUndefined();
});

it.each(['', '{', '[]', '{"works": 1}'])('is none when the file holds %j', async (content) => {
  expect(await readVerdict(file, key, 0)).toBeUndefined();
  await writeFile(file, content);
  expect(await readVerdict(file, key, 0)).toBeUndefined();
});
