import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createQcow2Disks } from '@banger/daemon/drivers/disk/qcow2/disks';
import type { VmmDriver, VmmEvent, VmSpec } from '@banger/daemon/drivers/vmm/driver';
import { createQemuDriver } from '@banger/daemon/drivers/vmm/qemu/qemu-driver';
import { findByToken } from '@banger/daemon/drivers/vmm/qemu/find-by-token';
import { checkKvm, KVM_HELLO_MS } from '@banger/daemon/drivers/vmm/qemu/kvm-check';
import type { ProbeDeps } from '@banger/daemon/drivers/vmm/qemu/probe';
import { QemuFinder } from '@banger/daemon/drivers/vmm/qemu/program';
import { describeVmmDriver, type SuiteHost } from '@banger/daemon/drivers/vmm/vmm-driver.suite';
import { systemClock, type Clock } from '@banger/daemon/host/clock';
import { createRunner } from '@banger/daemon/host/execa-runner';
import { ProcessTable } from '@banger/daemon/host/process-identity';
import { sharedHome } from '../harness/shared-home.ts';
import { greet, makeTinyGuest, tell, type TinyGuest } from './tiny-guest.ts';

const MIB = 1024 ** 2;
const WORK_BYTES = 64 * MIB;
/** How many times faster the time passes in which a VMM that hangs is to answer. */
const HURRY = 20;
const runner = createRunner();
const processes = new ProcessTable();
const disks = createQcow2Disks(runner);

let home: string;
let umask: number;
let tiny: TinyGuest;
beforeAll(async () => {
  // As the daemon's: QEMU makes its sockets with it.
  umask = process.umask(0o077);
  home = await mkdtemp(join(tmpdir(), 'vmm-'));
  tiny = await makeTinyGuest(sharedHome(), home);
});
afterAll(async () => {
  process.umask(umask);
  await rm(home, { recursive: true });
});

interface QemuHost extends SuiteHost {
  readonly root: string;
  readonly deps: ProbeDeps;
}

let hosts = 0;
async function qemuHost(): Promise<QemuHost> {
  const root = join(home, String(++hosts));
  await mkdir(root, { mode: 0o700 });
  const base = join(root, 'base.ext4');
  await disks.createWork({ path: base, bytes: WORK_BYTES });
  const tokens: string[] = [];
  const running = async () =>
    (await Promise.all(tokens.map((token) => findByToken(token, processes)))).flat();
  const deps: ProbeDeps = {
    runner,
    processes,
    clock: systemClock,
    dir: join(root, 'kvm'),
    verdictFile: join(root, 'verdict.json'),
    machine: { hostKernel: release(), cpu: 'any' },
    scratchDisk: (path, signal) => disks.createWork({ path, bytes: WORK_BYTES, signal }),
    hello: async (path, signal) => void (await greet(path, signal)).destroy(),
    probeGuest: async () => tiny,
  };
  return {
    root,
    workBytes: WORK_BYTES,
    deps,
    daemon: () => createQemuDriver(deps),
    spec: async () => {
      const dir = join(root, String(tokens.length));
      await mkdir(dir, { mode: 0o700 });
      const token = randomBytes(16).toString('hex');
      tokens.push(token);
      const [rootDisk, workDisk] = [join(dir, 'root.qcow2'), join(dir, 'work.ext4')];
      await disks.createRoot({ path: rootDisk, base, bytes: WORK_BYTES });
      await disks.createWork({ path: workDisk, bytes: WORK_BYTES });
      const spec: VmSpec = {
        ...tiny,
        id: `vm${tokens.length}`,
        token,
        dir,
        accel: 'tcg',
        vcpu: 1,
        memoryMib: 256,
        disks: [
          { serial: 'root', path: rootDisk, format: 'qcow2' },
          { serial: 'work', path: workDisk, format: 'raw' },
        ],
        network: { kind: 'none' },
        consoleLog: join(dir, 'console.log'),
        vmmLog: join(dir, 'vmm.log'),
      };
      return spec;
    },
    booted: async ({ handle }) => {
      (await greet(handle.agentSocket)).destroy();
      return {
        powerOff: () => tell(handle.agentSocket, 'P'),
        reboot: () => tell(handle.agentSocket, 'R'),
        panic: () => tell(handle.agentSocket, 'X'),
      };
    },
    signal: (handle, signal) => void processes.signal(handle.process, signal),
    count: async () => (await running()).length,
    dispose: async () => {
      for (const found of await running()) processes.signal(found, 'SIGKILL');
      await expect.poll(async () => (await running()).length).toBe(0);
      await rm(root, { recursive: true });
    },
  };
}

describeVmmDriver('QEMU', qemuHost);

describe('QEMU', () => {
  let host: QemuHost;
  let driver: VmmDriver;
  beforeEach(async () => {
    host = await qemuHost();
    driver = host.daemon();
  });
  afterEach(() => host.dispose());

  it('finds out once whether KVM boots a guest, within its limit, and leaves nothing behind', async () => {
    const began = performance.now();
    const first = await driver.probe();
    expect(performance.now() - began).toBeLessThan(KVM_HELLO_MS + 5_000);
    expect(first.accel.reason).not.toBe('');
    const again = await host.daemon().probe();
    expect(again.accel).toMatchObject({ accel: first.accel.accel, reason: first.accel.reason });
    await expect(stat(join(host.root, 'kvm'))).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('checks an accelerator by booting: the one that works is told from a guest that is silent or missing', async () => {
    const { deps } = host;
    const qemu = await new QemuFinder(runner).find();
    const { signal } = new AbortController();
    const trial = { accel: 'tcg', token: randomBytes(16).toString('hex'), limitMs: 100_000 } as const;
    expect(await checkKvm(deps, qemu, tiny, trial, signal)).toMatchObject({ works: true, final: true });

    const silent = await checkKvm(deps, qemu, tiny, { ...trial, limitMs: 100 }, signal);
    expect(silent).toMatchObject({ works: false, final: false });
    expect(silent.reason).toContain('did not boot');

    const none = checkKvm(deps, qemu, { ...tiny, kernel: join(host.root, 'none') }, trial, signal);
    await expect(none).rejects.toMatchObject({ code: 'vmm_failed' });
    await expect(stat(deps.dir)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await findByToken(trial.token, processes)).toEqual([]);
  });

  it('has private sockets and logs', async () => {
    const { handle } = await driver.launch(await host.spec());
    for (const path of [handle.agentSocket, handle.controlSocket, handle.vmmLog])
      expect((await stat(path)).mode & 0o077, path).toBe(0);
  });

  it('is refused when others could open its sockets', async () => {
    const spec = await host.spec();
    process.umask(0o022);
    try {
      await expect(driver.launch(spec)).rejects.toMatchObject({ code: 'path_unsafe' });
    } finally {
      process.umask(0o077);
    }
    expect(await host.count()).toBe(0);
  });

  it('says in its own words why it did not start', async () => {
    const spec = { ...(await host.spec()), memoryMib: 512 * 1024 * 1024 };
    const failed = driver.launch(spec);
    await expect(failed).rejects.toMatchObject({
      code: 'vmm_failed',
      hint: expect.stringContaining('--memory') as string,
    });
    await expect(failed).rejects.toThrow('Cannot allocate memory');
    expect(await host.count()).toBe(0);
  });

  it('stops the guest when the host has no room, and goes on when there is', async () => {
    const spec = await host.spec();
    const small = join(host.root, 'small');
    await mkdir(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'none', small]);
    try {
      const path = join(small, 'root.qcow2');
      await disks.createRoot({ path, base: join(host.root, 'base.ext4'), bytes: WORK_BYTES });
      const running = await driver.launch({ ...spec, disks: [{ serial: 'root', path, format: 'qcow2' }] });
      const events: VmmEvent[] = [];
      running.onEvent((event) => events.push(event));
      await tell((await host.booted(running), running.handle.agentSocket), 'W');
      await expect.poll(() => running.status(), { timeout: 60_000 }).toBe('disk-full');
      expect(events).toContainEqual(
        expect.objectContaining({ kind: 'disk-error', serial: 'root', operation: 'write', full: true }),
      );
      execFileSync('mount', ['-o', 'remount,size=256m', small]);
      await running.resume();
      // The guest answers again once its write has gone through.
      await (await host.booted(running)).powerOff();
      expect(await running.ended).toMatchObject({ kind: 'guest-poweroff' });
      await disks.check({ kind: 'root', path });
    } finally {
      execFileSync('umount', [small]);
    }
  });

  it('listens for its network, for nobody else, and tells when that is gone', async () => {
    const spec = await host.spec();
    const socket = join(spec.dir, 'net.sock');
    const network = { kind: 'stream', socket, mac: '02:00:00:00:00:01' } as const;
    const running = await driver.launch({ ...spec, network });
    expect((await stat(socket)).mode & 0o077).toBe(0);
    const events: VmmEvent[] = [];
    running.onEvent((event) => events.push(event));
    const carrier = connect(socket);
    await once(carrier, 'connect');
    carrier.destroy();
    await expect.poll(() => events).toContainEqual({ kind: 'network-lost' });
    await running.kill();
  });

  it('does not start where it cannot listen for its network', async () => {
    const spec = await host.spec();
    const socket = join(spec.dir, 'none', 'net.sock');
    const network = { kind: 'stream', socket, mac: '02:00:00:00:00:01' } as const;
    await expect(driver.launch({ ...spec, network })).rejects.toMatchObject({
      code: 'vmm_failed',
      message: expect.stringContaining('does not listen for the network'),
      details: { socket },
    });
    expect(await host.count()).toBe(0);
  });

  it('says that it hangs rather than that it is gone', async () => {
    const running = await driver.launch(await host.spec());
    running.release();
    host.signal(running.handle, 'SIGSTOP');
    const hurried: Clock = {
      ...systemClock,
      sleep: (ms, signal) => systemClock.sleep(ms / HURRY, signal),
    };
    const next = createQemuDriver({ ...host.deps, clock: hurried });
    await expect(next.attach(running.handle)).rejects.toMatchObject({ code: 'vmm_failed' });
    expect(await host.count()).toBe(1);
    await next.remove(running.handle.token, running.handle);
    expect(await host.count()).toBe(0);
  });

  it('keeps the console of every boot', async () => {
    const spec = await host.spec();
    const running = await driver.launch({ ...spec, cmdline: 'console=ttyS0 panic=0 no_timer_check' });
    await (await host.booted(running)).powerOff();
    await running.ended;
    const once = await readFile(spec.consoleLog, 'utf8');
    expect(once).toContain('Run /init as init process');
    const second = await driver.launch({ ...spec, cmdline: 'console=ttyS0 panic=0 no_timer_check' });
    await host.booted(second);
    expect((await readFile(spec.consoleLog, 'utf8')).startsWith(once)).toBe(true);
  });
});
