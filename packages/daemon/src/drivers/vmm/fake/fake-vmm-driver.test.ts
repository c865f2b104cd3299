import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { VmmDisk } from '../driver.ts';
import { describeVmmDriver, type SuiteHost } from '../vmm-driver.suite.ts';
import { FakeVmmDriver } from './fake-vmm-driver.ts';
import { FakeVmmWorld } from './fake-vmm-world.ts';

const WORK_BYTES = 1024 ** 2;

async function fakeHost(): Promise<SuiteHost & { readonly world: FakeVmmWorld }> {
  const root = await mkdtemp(join(tmpdir(), 'vmm-'));
  const world = new FakeVmmWorld();
  let made = 0;
  return {
    world,
    workBytes: WORK_BYTES,
    daemon: () => new FakeVmmDriver(world),
    spec: async () => {
      const dir = join(root, String(++made));
      await mkdir(dir, { mode: 0o700 });
      const disks: readonly VmmDisk[] = [
        { serial: 'root', path: join(dir, 'root.qcow2'), format: 'qcow2' },
        { serial: 'work', path: join(dir, 'work.ext4'), format: 'raw' },
      ];
      const [kernel, initrd] = [join(dir, 'vmlinux'), join(dir, 'initramfs')];
      for (const path of [kernel, initrd, ...disks.map((disk) => disk.path)]) await writeFile(path, '');
      await truncate(disks[1]!.path, WORK_BYTES);
      return {
        id: `vm${made}`,
        token: `token${String(made).padStart(16, '0')}`,
        dir,
        accel: 'tcg',
        vcpu: 2,
        memoryMib: 256,
        kernel,
        initrd,
        cmdline: '',
        disks,
        network: { kind: 'none' },
        consoleLog: join(dir, 'console.log'),
        vmmLog: join(dir, 'vmm.log'),
      };
    },
    booted: async ({ handle: { process } }) => ({
      powerOff: async () => world.powerOff(process.pid),
      reboot: async () => world.reboot(process.pid),
      panic: async () => world.panic(process.pid),
    }),
    signal: ({ process }, signal) => world.die(process.pid, signal),
    count: async () => world.running.length,
    dispose: () => rm(root, { recursive: true }),
  };
}

describeVmmDriver('The fake', fakeHost);

it('a full host disk stops the guest of a fake VMM until it is resumed', async () => {
  const host = await fakeHost();
  try {
    const running = await host.daemon().launch(await host.spec());
    const events: unknown[] = [];
    running.onEvent((event) => events.push(event));
    host.world.fillDisk(running.handle.process.pid, 'root');
    expect(await running.status()).toBe('disk-full');
    expect(events).toMatchObject([{ kind: 'disk-error', serial: 'root', full: true }]);
    await running.resume();
    expect(await running.status()).toBe('running');
  } finally {
    await host.dispose();
  }
});
