import type { VmView } from '@banger/contract/vm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { banger, bangerJson, type Outcome } from '../harness/banger.ts';
import { entries, vmProcessesOf } from '../harness/leftovers.ts';
import { seen } from '../harness/seen.ts';
import { sharedHome } from '../harness/shared-home.ts';

const home = sharedHome();
const vm = (...argv: string[]): Promise<Outcome> => banger(['vm', ...argv], { home });
const show = (): Promise<VmView> => seen(home, 'life');
const exec = async (script: string): Promise<string> => {
  const { status, stdout, stderr } = await vm('exec', 'life', '--', 'sh', '-c', script);
  if (status !== 0) throw new Error(`"${script}" ended with ${status}: ${stderr}`);
  return stdout;
};

const GIB = 1024 ** 3;
/** What ext4 keeps for its own tables and journal, of a disk of some GiB. */
const MOST_OVERHEAD = 0.05;

/** Whether the file systems of work disk and root have the size of their disks, as the guest sees it. */
async function expectFills(sizes: { readonly work: number; readonly root: number }): Promise<void> {
  const [work = 0, root = 0] = (await exec('df -B1 --output=size /root / | tail -n +2'))
    .split('\n')
    .map(Number);
  for (const [size, gib] of [
    [work, sizes.work],
    [root, sizes.root],
  ] as const) {
    expect(size).toBeGreaterThan(gib * GIB * (1 - MOST_OVERHEAD));
    expect(size).toBeLessThanOrEqual(gib * GIB);
  }
}

afterAll(async () => {
  await vm('unprotect', 'life');
  await vm('delete', 'life', 'spare');
  expect(vmProcessesOf(home)).toEqual([]);
  expect(entries(home, 'state', 'vms')).toEqual([]);
});

describe('lifecycle with set', () => {
  beforeAll(async () => {
    const small = ['--disk-size', '1G', '--root-size', '2G', '--memory', '384', '--vcpu', '1'];
    expect(await vm('create', '--name', 'life', '--no-start', ...small)).toMatchObject({ status: 0 });
  });

  test('a stopped VM has what was set from its next start on, and its file systems fill their disks', async () => {
    expect(
      await vm('set', 'life', '--memory', '512', '--vcpu', '2', '--disk-size', '2G', '--root-size', '3G'),
    ).toMatchObject({ status: 0, stdout: 'life: changed, from its next start on\n' });
    expect(await vm('start', 'life')).toMatchObject({ status: 0 });
    const seenThere = await exec("nproc; awk '/MemTotal/ { print $2 }' /proc/meminfo");
    const [cpus = 0, memoryKib = 0] = seenThere.split('\n').map(Number);
    expect(cpus).toBe(2);
    expect(memoryKib).toBeGreaterThan(400_000);
    await expectFills({ work: 2, root: 3 });
  });

  test('a root disk smaller than the usual one caps what its guest may write, which is told there', async () => {
    expect(await exec('fallocate -l 4G /big 2>&1; rm /big')).toContain('No space left on device');
  });

  test('a running VM has its work disk grown under a file that is being written, which stays whole', async () => {
    await exec('head -c 2M /dev/urandom > /root/data; sha256sum /root/data > /root/sum');
    const writing = exec(`until test -e /run/grown; do
        head -c 64k /dev/urandom > /run/piece; cat /run/piece >> /run/all
        dd if=/run/piece of=/root/later bs=64k oflag=append,sync conv=notrunc status=none
        sleep 0.2
      done; echo 3 > /proc/sys/vm/drop_caches; cmp /run/all /root/later && echo ok`);
    await exec('until test -s /root/later; do sleep 0.1; done');
    expect(await vm('set', 'life', '--disk-size', '1T')).toMatchObject({
      status: 0,
      stdout: 'life: changed\n',
    });
    await exec('touch /run/grown');
    await expectFills({ work: 1024, root: 3 });
    expect(await writing).toBe('ok\n');
    expect(await exec('sha256sum -c /root/sum')).toBe('/root/data: OK\n');
    expect((await show()).warnings).toEqual([]);
  });

  test('what needs a stop is refused with all that was asked, and a disk never shrinks', async () => {
    const refused = await vm('set', 'life', '--memory', '1G', '--disk-size', '1T');
    expect(refused).toMatchObject({ status: 1, stdout: '' });
    expect(refused.stderr).toMatch(/vm_state.*memory.*stopped.*Nothing was changed[^]*banger vm stop life/);
    const smaller = await vm('set', 'life', '--disk-size', '1G');
    expect(smaller.stderr).toContain('has 1T and cannot shrink to 1G');
    expect((await show()).spec).toMatchObject({ memoryMib: 512, diskBytes: 1024 * GIB });
  });

  test('a root disk that is in use grows, its data is there after a new start, and a reset takes that disk alone', async () => {
    await exec('touch /etc/on-root');
    expect(await vm('stop', 'life')).toMatchObject({ status: 0 });
    expect(await vm('set', 'life', '--root-size', '9G')).toMatchObject({ status: 0 });
    expect(await vm('start', 'life')).toMatchObject({ status: 0 });
    await expectFills({ work: 1024, root: 9 });
    expect(await exec('sha256sum -c /root/sum; ls /etc/on-root')).toBe('/root/data: OK\n/etc/on-root\n');
    const before = (await show()).runtime?.bootId;
    expect(await vm('reset', 'life')).toMatchObject({
      status: 0,
      stdout: 'life: running, with a fresh root disk\n',
    });
    expect((await show()).runtime?.bootId).not.toBe(before);
    expect(await exec('sha256sum -c /root/sum; ls /etc/on-root 2>/dev/null || echo gone')).toBe(
      '/root/data: OK\ngone\n',
    );
    await expectFills({ work: 1024, root: 9 });
  });
});

test('prune: what nobody uses goes, after a look at each; what runs or is protected stays', async () => {
  expect(await vm('create', '--name', 'spare', '--no-start')).toMatchObject({ status: 0 });
  expect((await vm('prune')).stderr).toMatch(/error\[usage\].*[^]*--force/);
  expect(await vm('protect', 'spare')).toMatchObject({ status: 0 });
  expect((await vm('delete', 'spare')).stderr).toMatch(/vm_protected[^]*banger vm unprotect spare/);
  expect((await banger(['ps'], { home })).stdout).toMatch(/spare.*protected/);
  expect(await vm('prune', '-f')).toMatchObject({ status: 0, stdout: '' });
  expect(await vm('unprotect', 'spare')).toMatchObject({ status: 0 });
  expect(await vm('prune', '-f')).toMatchObject({ status: 0, stdout: 'spare: deleted\n' });
  expect(await vm('kill', 'life')).toMatchObject({ status: 0 });
  expect(await bangerJson(['vm', 'prune', '-f'], { home })).toMatchObject([{ name: 'life', ok: true }]);
  expect(entries(home, 'state', 'vms')).toEqual([]);
});
