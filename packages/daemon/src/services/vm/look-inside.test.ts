import { duplexPair } from 'node:stream';
import type { VmPort } from '@banger/contract/guest';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { GuestPort } from '../../drivers/guest/driver.ts';
import { FakeHost } from './fake-host.suite.ts';

const ECONNREFUSED = 111;
const never = new AbortController().signal;

let host: FakeHost;
let listening: GuestPort[];
let dialled: number[];
let refuses: boolean;
beforeEach(async () => {
  host = await FakeHost.make();
  listening = [];
  dialled = [];
  refuses = false;
  host.guestOptions = {
    ports: () => listening,
    dial: (target) => {
      if (target.kind === 'unix') return 2;
      dialled.push(target.port);
      if (refuses) return ECONNREFUSED;
      const [near, far] = duplexPair();
      far.once('data', () => far.end(target.port === 8080 ? 'HTTP/1.1 200 OK\r\n\r\n' : 'SSH-2.0-x\r\n'));
      return near;
    },
  };
  await host.vms.create(host.spec('box'), { start: true, waitInit: false }, never);
});
afterEach(() => host.close());

const ports = (probe: boolean): Promise<VmPort[]> => host.vms.ports('box', probe, never);

test('ports have a name, a process and what they speak', async () => {
  listening = [
    { protocol: 'tcp', address: '::', port: 8080, pid: 7, program: 'node\u001b[2J' },
    { protocol: 'tcp', address: '0.0.0.0', port: 22, pid: 9, program: 'sshd' },
    { protocol: 'udp', address: '0.0.0.0', port: 53 },
  ];
  expect(await ports(true)).toMatchObject([
    { endpoint: 'box.vm:22', service: 'tcp', program: 'sshd', pid: 9 },
    { endpoint: 'box.vm:53', service: 'udp' },
    { endpoint: 'box.vm:8080', service: 'http', program: 'node\ufffd[2J' },
  ]);
  expect(dialled).toEqual([22, 8080]);
});

test('nothing is connected to unless asked', async () => {
  listening = [{ protocol: 'tcp', address: '::', port: 8080 }];
  expect(await ports(false)).toMatchObject([{ service: 'tcp' }]);
  expect(dialled).toEqual([]);
});

test('as many ports as a guest can claim are all told', async () => {
  refuses = true;
  listening = Array.from({ length: 1024 }, (_, index) => ({
    ...{ protocol: 'tcp', address: '127.0.0.1' },
    port: index + 1,
  })) as GuestPort[];
  expect(await ports(true)).toHaveLength(1024);
});

test('ping tells each round trip', async () => {
  const { roundTripsMs } = await host.vms.ping('box', 3, never);
  expect(roundTripsMs).toEqual([expect.any(Number), expect.any(Number), expect.any(Number)]);
});

test("stats have the host's figures and the guest's, and the host's alone when the agent is silent", async () => {
  const [process] = host.world.running;
  if (process === undefined) throw new Error('Nothing runs.');
  process.usage = { cpuMs: 1_000, residentBytes: 4096 };
  expect(await host.vms.stats('box', never)).toMatchObject({
    name: 'box',
    host: { cpus: 0, residentBytes: 4096, disks: [{ disk: 'root', nearlyFull: false }, { disk: 'work' }] },
    guest: { processes: 10, fileSystems: [{ mountPoint: '/' }] },
    guestReason: '',
  });
  host.guest!.silent = true;
  host.guest!.hangUp();
  await expect.poll(async () => (await host.vms.show('box')).runtime?.agent).toBe('silent');
  const silent = await host.vms.stats('box', never);
  expect(silent).toMatchObject({
    host: { residentBytes: 4096 },
    guestReason: expect.stringMatching(/channel/),
  });
  expect(silent.guest).toBeUndefined();
});

test('a VM that does not run has none of it', async () => {
  await host.vms.stop('box', false, never);
  for (const asked of [ports(true), host.vms.ping('box', 1, never), host.vms.stats('box', never)])
    await expect(asked).rejects.toMatchObject({ code: 'vm_not_running', details: { state: 'stopped' } });
});
