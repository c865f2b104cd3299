import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { NetworkAttachment, NetworkDriver, NetworkSpec } from './driver.ts';

/** What a driver under test is, and whether it gives a NIC. */
export interface NetworkSuite {
  readonly make: () => NetworkDriver;
  readonly nic: boolean;
}

/** Long enough for a network to get ready that could. */
const SOON_MS = 300;
const MAC = '52:54:00:12:34:56';

/** The contract of every network driver. */
export function describeNetworkDriver(name: string, { make, nic }: NetworkSuite): void {
  describe(`${name} as a network driver`, () => {
    let driver: NetworkDriver;
    /** Of this test alone, so that what lies in it is. */
    let around: string;
    let root: string;
    let attached: NetworkAttachment[];
    let vmms: Server[];

    const spec = async (vmId: string, changes: Partial<NetworkSpec> = {}): Promise<NetworkSpec> => {
      const dir = join(root, vmId);
      await mkdir(dir, { recursive: true, mode: 0o700 });
      return { vmId, dir, logFile: join(root, `${vmId}.log`), outbound: true, mac: MAC, ...changes };
    };
    /** What stands there of a run, but for the socket of its VMM. */
    const leftIn = async (vmId: string): Promise<string[]> => {
      const { dir, mac } = await spec(vmId);
      const vmm = driver.nic({ dir, mac });
      return (await readdir(dir)).filter((name) => vmm.kind === 'none' || join(dir, name) !== vmm.socket);
    };
    /** Listens as a VMM with a NIC does. */
    const startVmm = async (vmId: string): Promise<void> => {
      const vmm = driver.nic(await spec(vmId));
      if (vmm.kind === 'none') return;
      const server = createServer((socket) => socket.resume().on('error', () => undefined));
      vmms.push(server);
      await once(server.listen(vmm.socket), 'listening');
    };
    const prepare = async (vmId: string, changes: Partial<NetworkSpec> = {}): Promise<NetworkAttachment> => {
      const attachment = await driver.prepare(await spec(vmId, changes));
      attached.push(attachment);
      return attachment;
    };

    beforeEach(async () => {
      around = await mkdtemp(join(tmpdir(), 'network-'));
      root = join(around, 'runs');
      await mkdir(root);
      driver = make();
      attached = [];
      vmms = [];
    });
    afterEach(async () => {
      for (const { handle } of attached) await driver.remove(handle);
      for (const vmm of vmms) vmm.close();
      await rm(around, { recursive: true });
    });

    test('its probe says that it is usable, and makes nothing', async () => {
      const probe = await driver.probe();
      expect(probe).toMatchObject({ usable: true, missingTools: [] });
      expect(await readdir(root)).toEqual([]);
    });

    test('gives the VMM and the guest the same NIC, or none to both', async () => {
      const vmm = driver.nic(await spec('one'));
      const { guest } = await prepare('one');
      expect(vmm.kind).toBe(nic ? 'stream' : 'none');
      expect(guest?.mac).toBe(nic ? MAC : undefined);
      if (vmm.kind === 'stream')
        expect(vmm).toMatchObject({ mac: MAC, socket: expect.stringContaining(join(root, 'one')) });
    });

    test('its handle survives being stored', async () => {
      const { handle } = await prepare('one');
      const stored: unknown = JSON.parse(JSON.stringify(handle));
      expect(stored).toEqual(handle);
      await make().remove(stored as typeof handle);
    });

    test('is up until it is removed, which may be done twice', async () => {
      const { handle } = await prepare('one');
      expect(await driver.status(handle)).toEqual({ up: true });
      await driver.remove(handle);
      await driver.remove(handle);
      expect((await driver.status(handle)).up).toBe(!nic);
      expect(await leftIn('one')).toEqual([]);
    });

    test('gets ready when its VMM listens, whichever of the two comes first, and says so as often as it is asked', async () => {
      const { signal } = new AbortController();
      await startVmm('one');
      const [early, late] = [await prepare('one'), await prepare('two')];
      await early.ready(signal);
      await early.ready(signal);
      expect(await driver.status(early.handle)).toEqual({ up: true });

      let isReady = !nic;
      const waiting = late.ready(signal).then(() => (isReady = true));
      await sleep(SOON_MS);
      expect(isReady).toBe(!nic);
      await startVmm('two');
      await waiting;
      expect(await driver.status(late.handle)).toEqual({ up: true });
    });

    test('one that runs is found and removed without its handle', async () => {
      await startVmm('one');
      const { handle, ready } = await prepare('one');
      await ready(new AbortController().signal);
      await driver.sweep(join(root, 'one'));
      expect((await driver.status(handle)).up).toBe(!nic);
      expect(await leftIn('one')).toEqual([]);
    });

    test('can be prepared again in the same place', async () => {
      const first = await prepare('one');
      await driver.remove(first.handle);
      const second = await prepare('one');
      expect(await driver.status(second.handle)).toEqual({ up: true });
    });

    test('serves two VMs at once', async () => {
      const first = await prepare('one');
      const second = await prepare('two');
      await driver.remove(first.handle);
      expect(await driver.status(second.handle)).toEqual({ up: true });
    });

    test('is found and removed without its handle, and no other with it', async () => {
      const lost = await prepare('one');
      const other = await prepare('two');
      await driver.sweep(join(root, 'one'));
      await driver.sweep(join(root, 'one'));
      expect((await driver.status(lost.handle)).up).toBe(!nic);
      expect(await readdir(join(root, 'one'))).toEqual([]);
      expect(await driver.status(other.handle)).toEqual({ up: true });
    });

    test('is found by the directory around its own, until it is removed', async () => {
      const { handle } = await prepare('one');
      const found = await driver.find(root);
      if (nic) {
        expect(found).toEqual([{ dir: join(root, 'one'), startedAt: expect.any(Number) as number }]);
        expect(Math.abs(Date.now() - (found[0]?.startedAt ?? 0))).toBeLessThan(60_000);
      }
      for (const other of [join(root, 'one'), around, `${root}x`])
        expect(await driver.find(other)).toEqual([]);
      await driver.remove(handle);
      expect(await driver.find(root)).toEqual([]);
    });

    if (!nic) return;

    test('without outbound there is the same NIC, so that it can be opened later', async () => {
      const closed = await prepare('one', { outbound: false });
      const open = await prepare('two');
      expect(closed.guest).toEqual(open.guest);
    });

    test('says so when the network whose way out is to change has ended', async () => {
      const { handle } = await prepare('one');
      await driver.remove(handle);
      await expect(driver.setOutbound(handle, false)).rejects.toMatchObject({ code: 'network_failed' });
    });

    test('never gets ready once it has ended, and says so', async () => {
      const { handle, ready } = await prepare('one');
      await driver.remove(handle);
      await expect(ready(new AbortController().signal)).rejects.toMatchObject({ code: 'network_failed' });
    });

    test('a wait for it can be cancelled', async () => {
      const { ready } = await prepare('one');
      const cancel = new AbortController();
      const waiting = ready(cancel.signal);
      cancel.abort();
      await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
    });

    test('refuses what is no address of a NIC, at the latest when it is to be ready, and leaves nothing', async () => {
      await startVmm('one');
      for (const mac of ['', '52:54:00:12:34', '01:00:5e:00:00:01']) {
        const readied = prepare('one', { mac }).then(({ ready }) => ready(new AbortController().signal));
        await expect(readied).rejects.toMatchObject({ code: 'network_failed' });
      }
      expect(await leftIn('one')).toEqual([]);
    });

    test('rejects with cancelled when the call was cancelled, and leaves nothing', async () => {
      const cancelled = await spec('one', { signal: AbortSignal.abort() });
      await expect(driver.prepare(cancelled)).rejects.toMatchObject({ code: 'cancelled' });
      expect(await readdir(join(root, 'one'))).toEqual([]);
    });
  });
}
