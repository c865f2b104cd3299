import type { VmView } from '@banger/contract/vm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { banger, bangerJson, type Outcome } from '../harness/banger.ts';
import { entries, vmProcessesOf } from '../harness/leftovers.ts';
import { sharedHome } from '../harness/shared-home.ts';

const home = sharedHome();
const vm = (...argv: string[]): Promise<Outcome> => banger(['vm', ...argv], { home });
const show = (name: string) => bangerJson<VmView>(['vm', 'show', name], { home });
const exec = async (name: string, script: string): Promise<string> => {
  const { status, stdout, stderr } = await vm('exec', name, '--', 'sh', '-c', script);
  if (status !== 0) throw new Error(`"${script}" ended with ${status}: ${stderr}`);
  return stdout;
};

const GIB = 1024 ** 3;
/** What ext4 keeps for its own tables and journal, of a disk of some GiB. */
const MOST_OVERHEAD = 0.05;

/** Whether a file system has the size of its disk, as the guest sees it. */
async function expectFills(mountPoint: string, gib: number): Promise<void> {
  const size = Number(await exec('life', `df -B1 --output=size ${mountPoint} | tail -1`));
  expect(size).toBeGreaterThan(gib * GIB * (1 - MOST_OVERHEAD));
  expect(size).toBeLessThanOrEqual(gib * GIB);
}

afterAll(async () => {
  await vm('unprotect', 'life');
  await vm('delete', 'life', 'spare');
  expect(vmProcessesOf(home)).toEqual([]);
  expect(entries(home, 'state', 'vms')).toEqual([]);
});

describe('lifecycle with set', () => {
  beforeAll(async () => {
    const made = await vm(
      'create',
      '--name',
      'life',
      '--no-start',
      '--disk-size',
      '1G',
      '--memory',
      '384',
      '--vcpu',
      '1',
    );
    expect(made).toMatchObject({ status: 0 });
  });

  test('a stopped VM has what was set from its next start on, and its file systems fill their disks', async () => {
    expect(
      await vm('set', 'life', '--memory', '512', '--vcpu', '2', '--disk-size', '2G', '--root-size', '9G'),
    ).toMatchObject({ status: 0, stdout: 'life: changed, from its next start on\n' });
    expect(await vm('start', 'life')).toMatchObject({ status: 0 });
    expect(await exec('life', 'nproc')).toBe('2\n');
    expect(Number(await exec('life', "awk '/MemTotal/ { print $2 }' /proc/meminfo"))).toBeGreaterThan(
      400_000,
    );
    await expectFills('/root', 2);
    await expectFills('/', 9);
  });

  test('a running VM has its work disk grown under a file that is being written, which stays whole', async () => {
    await exec(
      'life',
      'dd if=/dev/urandom of=/root/data bs=1M count=16 status=none; sha256sum /root/data > /root/sum',
    );
    const writing = exec(
      'life',
      'dd if=/dev/urandom of=/root/later bs=64k count=200 oflag=sync status=none; echo ok',
    );
    expect(await vm('set', 'life', '--disk-size', '1T')).toMatchObject({
      status: 0,
      stdout: 'life: changed\n',
    });
    await expectFills('/root', 1024);
    expect(await writing).toBe('ok\n');
    expect(await exec('life', 'sha256sum -c /root/sum')).toBe('/root/data: OK\n');
    expect((await show('life')).warnings).toEqual([]);
  });

  test('what needs a stop is refused with all that was asked, and a disk never shrinks', async () => {
    const refused = await vm('set', 'life', '--memory', '1G', '--disk-size', '1T');
    expect(refused).toMatchObject({ status: 1, stdout: '' });
    expect(refused.stderr).toMatch(/vm_state.*memory.*stopped.*Nothing was changed[^]*banger vm stop life/);
    const smaller = await vm('set', 'life', '--disk-size', '1G');
    expect(smaller.stderr).toContain('has 1T and cannot shrink to 1G');
    expect((await show('life')).spec).toMatchObject({ memoryMib: 512, diskBytes: 1024 * GIB });
  });

  test('its data is there after a restart, and a reset takes the root disk alone', async () => {
    await exec('life', 'touch /etc/on-root');
    expect(await vm('restart', 'life')).toMatchObject({ status: 0 });
    expect(await exec('life', 'sha256sum -c /root/sum; ls /etc/on-root')).toBe(
      '/root/data: OK\n/etc/on-root\n',
    );
    const before = (await show('life')).runtime?.bootId;
    expect(await vm('reset', 'life')).toMatchObject({
      status: 0,
      stdout: 'life: running, with a fresh root disk\n',
    });
    expect((await show('life')).runtime?.bootId).not.toBe(before);
    expect(await exec('life', 'sha256sum -c /root/sum; ls /etc/on-root 2>/dev/null || echo gone')).toBe(
      '/root/data: OK\ngone\n',
    );
    await expectFills('/root', 1024);
    await expectFills('/', 9);
  });
});

test('a root disk smaller than the usual one caps what its guest may write, which is told there', async () => {
  const script = 'df -B1 --output=size / | tail -1; fallocate -l 3G /big 2>&1; rm /big';
  const run = await vm('run', '--rm', '--root-size', '2G', '--', 'sh', '-c', script);
  expect(run).toMatchObject({
    status: 0,
    stdout: expect.stringContaining('No space left on device') as string,
  });
  const size = Number(run.stdout.split('\n')[0]);
  expect(size).toBeGreaterThan(2 * GIB * (1 - MOST_OVERHEAD));
  expect(size).toBeLessThanOrEqual(2 * GIB);
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
