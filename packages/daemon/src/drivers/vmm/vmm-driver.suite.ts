import { stat, truncate } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningVmm, VmmDriver, VmmEvent, VmmHandle, VmSpec } from './driver.ts';

/** What a test makes a booted guest do. */
export interface SuiteGuest {
  powerOff(): Promise<void>;
  reboot(): Promise<void>;
  panic(): Promise<void>;
}

/** A driver under test and a host to run it on, new for each test. */
export interface SuiteHost {
  /** A driver as a daemon has it. Two of them are two daemons, one after the other. */
  daemon(): VmmDriver;
  /** A spec that boots: two disks (`root` qcow2, `work` raw with `workBytes`), private directory, unlike any other. */
  spec(): Promise<VmSpec>;
  readonly workBytes: number;
  /** Waits until the guest has booted and can be told what to do. */
  booted(running: RunningVmm): Promise<SuiteGuest>;
  /** Sends a signal to the VMM, past the driver. */
  signal(handle: VmmHandle, signal: NodeJS.Signals): void;
  /** How many VMM processes of this host run. */
  count(): Promise<number>;
  /** Removes everything, VMMs that run too. */
  dispose(): Promise<void>;
}

/** What every VMM driver must do, the fake one as the real one. */
export function describeVmmDriver(name: string, makeHost: () => Promise<SuiteHost>): void {
  describe(`${name} as a VMM driver`, () => {
    let host: SuiteHost;
    let driver: VmmDriver;
    beforeEach(async () => {
      host = await makeHost();
      driver = host.daemon();
    });
    afterEach(() => host.dispose());

    /** With a guest that has booted, which takes seconds: for tests in which it acts. */
    const launched = async (): Promise<{ running: RunningVmm; guest: SuiteGuest }> => {
      const running = await driver.launch(await host.spec());
      return { running, guest: await host.booted(running) };
    };

    it('probes with a version, an accelerator and its reason', async () => {
      const { version, accel } = await driver.probe();
      expect(version).toMatch(/^\d+\.\d+\.\d+$/);
      expect(['kvm', 'tcg']).toContain(accel.accel);
      expect(accel.reason).not.toBe('');
    });

    it('says that it cannot do what its features lack', async () => {
      expect(driver.features.snapshot).toBe(false);
      const spec = await host.spec();
      await expect(driver.restore(spec.dir, spec)).rejects.toMatchObject({ code: 'not_supported' });
      const running = await driver.launch(await host.spec());
      await expect(running.snapshot(spec.dir)).rejects.toMatchObject({ code: 'not_supported' });
    });

    it('launches, pauses, resumes and kills; afterwards the VMM is gone', async () => {
      const running = await driver.launch(await host.spec());
      const events = eventsOf(running);
      expect(await running.status()).toBe('running');
      await running.pause();
      expect(await running.status()).toBe('paused');
      await running.resume();
      expect(await running.status()).toBe('running');
      await expect.poll(() => events).toEqual([{ kind: 'paused' }, { kind: 'resumed' }]);
      expect(await host.count()).toBe(1);

      expect(await running.usage()).toEqual({
        cpuMs: expect.any(Number),
        residentBytes: expect.any(Number),
      });

      await running.kill('SIGTERM');
      expect(await running.ended).toEqual({ kind: 'killed', detail: 'SIGTERM' });
      expect(await host.count()).toBe(0);
      await running.kill();
      for (const call of [
        running.status(),
        running.usage(),
        running.pause(),
        running.resume(),
        running.resizeDisk('work', 1),
      ])
        await expect(call).rejects.toMatchObject({ code: 'vmm_gone' });
    });

    it('tells a panic, and the VMM goes', async () => {
      const { running, guest } = await launched();
      await guest.panic();
      expect(await running.ended).toMatchObject({ kind: 'guest-panic' });
      expect(await host.count()).toBe(0);
    });

    it('keeps the process over a reboot, and tells of it; tells a power-off, and the VMM goes', async () => {
      const { running, guest } = await launched();
      const events = eventsOf(running);
      await guest.reboot();
      await expect.poll(() => events, { timeout: 10_000 }).toContainEqual({ kind: 'guest-reboot' });
      const again = await host.booted(running);
      expect(await running.status()).toBe('running');
      await again.powerOff();
      expect(await running.ended).toEqual({ kind: 'guest-poweroff', detail: '' });
      expect(await host.count()).toBe(0);
    });

    it('tells that the VMM was ended by somebody else, and how', async () => {
      const running = await driver.launch(await host.spec());
      host.signal(running.handle, 'SIGKILL');
      const end = await running.ended;
      expect(end.kind).toBe('vmm-died');
      expect(end.detail).toContain('SIGKILL');
    });

    it('is attached by the next daemon through a stored handle', async () => {
      const { running } = await launched();
      const stored = JSON.parse(JSON.stringify(running.handle)) as VmmHandle;
      expect(stored).toEqual(running.handle);
      running.release();
      const attached = await host.daemon().attach(stored);
      expect(attached.handle).toEqual(stored);
      expect(await attached.status()).toBe('running');
      await (await host.booted(attached)).powerOff();
      expect(await attached.ended).toMatchObject({ kind: 'guest-poweroff' });
    });

    it('is told at once, when attached, what the guest did while nobody watched', async () => {
      for (const [act, kind] of [
        ['powerOff', 'guest-poweroff'],
        ['panic', 'guest-panic'],
      ] as const) {
        const { running, guest } = await launched();
        running.release();
        await guest[act]();
        await settled(host.daemon(), running.handle, kind);
        expect(await host.count()).toBe(0);
      }
    });

    it('does not attach to a process that is gone, or that only has its pid', async () => {
      const running = await driver.launch(await host.spec());
      const { handle } = running;
      const stranger = {
        ...handle,
        process: { ...handle.process, startTicks: handle.process.startTicks - 1 },
      };
      const earlier = { ...handle, process: { ...handle.process, bootId: 'another-boot' } };
      for (const other of [stranger, earlier]) {
        await expect(driver.attach(other)).rejects.toMatchObject({ code: 'vmm_gone' });
      }
      expect(await running.status()).toBe('running');
      await running.kill();
      await expect(host.daemon().attach(handle)).rejects.toMatchObject({ code: 'vmm_gone' });
    });

    it('removes by token alone a VMM whose handle was never written down', async () => {
      const running = await driver.launch(await host.spec());
      running.release();
      const next = host.daemon();
      await next.remove('0123456789abcdef');
      expect(await host.count()).toBe(1);
      await next.remove(running.handle.token);
      expect(await host.count()).toBe(0);
      await next.remove(running.handle.token, running.handle);
    });

    it('finds every VMM with its log below a directory, whoever started it, and no other', async () => {
      const running = await driver.launch(await host.spec());
      const { id, token, process } = running.handle;
      running.release();
      const logs = dirname((await host.spec()).consoleLog);
      const next = host.daemon();
      const found = await next.find(dirname(logs));
      expect(found).toEqual([{ id, token, process, startedAt: expect.any(Number) as number }]);
      expect(Math.abs(Date.now() - (found[0]?.startedAt ?? 0))).toBeLessThan(60_000);
      expect(await next.find(logs)).toEqual([]);
      expect(await next.find(dirname(logs).slice(0, -1))).toEqual([]);
      await next.remove(token);
      expect(await next.find(dirname(logs))).toEqual([]);
    });

    it('tells a VMM that it removed itself as killed', async () => {
      const running = await driver.launch(await host.spec());
      await driver.remove(running.handle.token, running.handle);
      expect(await running.ended).toMatchObject({ kind: 'killed' });
    });

    it('grows a disk, and never shrinks one', async () => {
      const running = await driver.launch(await host.spec());
      const spec = running.handle;
      await running.resizeDisk('work', host.workBytes + 1024 ** 2);
      await expect(running.resizeDisk('work', host.workBytes)).rejects.toMatchObject({
        code: 'invalid_argument',
      });
      await expect(running.resizeDisk('none', 1024 ** 3)).rejects.toMatchObject({ code: 'invalid_argument' });
      expect(spec).toEqual(running.handle);
    });

    it('leaves no process when it refuses a spec', async () => {
      const good = await host.spec();
      const root = good.disks[0]!;
      const refused: readonly (readonly [Partial<VmSpec>, string])[] = [
        [{ id: 'Not An Id' }, 'invalid_argument'],
        [{ token: 'short' }, 'invalid_argument'],
        [{ vcpu: 0 }, 'invalid_argument'],
        [{ vcpu: 1.5 }, 'invalid_argument'],
        [{ memoryMib: 0 }, 'invalid_argument'],
        [{ kernel: join(good.dir, 'none') }, 'vmm_failed'],
        [{ kernel: 'vmlinux' }, 'invalid_argument'],
        [{ initrd: good.dir }, 'vmm_failed'],
        [{ disks: [root, root] }, 'invalid_argument'],
        [{ disks: [{ ...root, serial: 'a'.repeat(21) }] }, 'invalid_argument'],
        [{ disks: [{ ...root, path: join(good.dir, 'none') }] }, 'vmm_failed'],
        [{ dir: join(good.dir, 'd'.repeat(100)) }, 'path_unsafe'],
        [
          { network: { kind: 'stream', socket: join(good.dir, 'none.sock'), mac: '02-00' } },
          'invalid_argument',
        ],
      ];
      for (const [change, code] of refused) {
        await expect(driver.launch({ ...good, ...change }), JSON.stringify(change)).rejects.toMatchObject({
          code,
        });
      }
      expect(await host.count()).toBe(0);
    });

    it('does not start twice on one disk', async () => {
      const spec = await host.spec();
      const first = await driver.launch(spec);
      const second = { ...(await host.spec()), disks: spec.disks };
      await expect(driver.launch(second)).rejects.toMatchObject({ code: 'vmm_failed' });
      expect(await first.status()).toBe('running');
      expect(await host.count()).toBe(1);
    });

    it('leaves no process when the call is cancelled', async () => {
      const spec = await host.spec();
      await expect(driver.launch(spec, AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' });
      expect(await host.count()).toBe(0);
    });

    it('keeps the size of a disk that was grown before the start', async () => {
      const spec = await host.spec();
      const work = spec.disks[1]!;
      await truncate(work.path, host.workBytes * 2);
      const running = await driver.launch(spec);
      await expect(running.resizeDisk('work', host.workBytes)).rejects.toMatchObject({
        code: 'invalid_argument',
      });
      expect((await stat(work.path)).size).toBe(host.workBytes * 2);
    });
  });
}

function eventsOf(running: RunningVmm): VmmEvent[] {
  const events: VmmEvent[] = [];
  running.onEvent((event) => events.push(event));
  return events;
}

/** The guest ends a moment after it was told to: until then the VMM is attached again and again. */
async function settled(driver: VmmDriver, handle: VmmHandle, kind: string): Promise<void> {
  const running = await driver.attach(handle);
  expect(await running.ended).toMatchObject({ kind });
}
