import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { kvmObstacle } from './kvm-host.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'kvm-'));
});
afterAll(() => rm(dir, { recursive: true }));

async function obstacle(device: string, flags: string) {
  const cpuinfo = join(dir, 'cpuinfo');
  await writeFile(cpuinfo, `processor\t: 0\nflags\t\t: fpu ${flags} sse\nbugs\t\t:\n`);
  return kvmObstacle({ device, cpuinfo });
}

it('is none when the device opens, whatever the CPU shows', async () => {
  await writeFile(join(dir, 'kvm'), '');
  expect(await obstacle(join(dir, 'kvm'), '')).toBeUndefined();
});

it('tells a CPU without virtualization from a module that is not loaded', async () => {
  const none = join(dir, 'none');
  expect(await obstacle(none, 'svmx')).toMatchObject({
    reason: expect.stringContaining('neither vmx nor svm') as string,
  });
  expect((await obstacle(none, 'svm'))?.fix).toContain('modprobe kvm_amd');
  expect((await obstacle(none, 'vmx'))?.fix).toContain('modprobe kvm_intel');
});

it('names the errno of a device that does not open', async () => {
  expect(await obstacle(join(dir, 'cpuinfo', 'kvm'), '')).toMatchObject({
    reason: expect.stringContaining('ENOTDIR') as string,
  });
});
