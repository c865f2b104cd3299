import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { NetworkAttachment, NetworkSpec } from '@banger/daemon/drivers/network/driver';
import { describeNetworkDriver } from '@banger/daemon/drivers/network/network-driver.suite';
import { UserNetwork } from '@banger/daemon/drivers/network/user-network';
import { systemClock } from '@banger/daemon/host/clock';
import { ProcessTable } from '@banger/daemon/host/process-identity';
import type { Runner } from '@banger/daemon/host/runner';
import { addresses, Lab } from './lab.ts';
import { GREETING } from './listener.ts';
import type { Target } from './prober.ts';
import { attachTapGuest, netguardProgram } from './tap-guest.ts';

/** A process ends within milliseconds of the event that ends it; this is a hang. */
const END_TIMEOUT_MS = 5_000;
const PORT = 7000;
const never = new AbortController().signal;
const MAC = '52:54:00:ab:cd:ef';

let lab: Lab;
let directory: string;
let attached: NetworkAttachment[] = [];

const networkWith = (changes: Partial<Runner> = {}): UserNetwork =>
  new UserNetwork({
    runner: { ...lab.runner('host'), ...changes },
    processes: new ProcessTable(),
    clock: systemClock,
    netguard: netguardProgram,
    resolvConf: lab.resolvConf,
    readNet: lab.readNet('host'),
  });

const spec = (changes: Partial<NetworkSpec> = {}): NetworkSpec => ({
  vmId: 'guest',
  dir: directory,
  logFile: join(directory, 'network.log'),
  outbound: true,
  mac: MAC,
  ...changes,
});

async function prepare(changes: Partial<NetworkSpec> = {}): Promise<NetworkAttachment> {
  const attachment = await networkWith().prepare(spec(changes));
  attached.push(attachment);
  return attachment;
}

const socket = (): string => {
  const nic = networkWith().nic(spec());
  return nic.kind === 'stream' ? nic.socket : expect.fail('no NIC');
};

/** A network that is ready, and its VMM's end of it: listens as a VMM does, for one. */
async function serve(): Promise<{ readonly attachment: NetworkAttachment; readonly vmm: Socket }> {
  const listener = createServer();
  await once(listener.listen(socket()), 'listening');
  const connected = once(listener, 'connection') as Promise<[Socket]>;
  const attachment = await prepare();
  await attachment.ready(never);
  const [vmm] = await connected;
  listener.close();
  // A reset is one of the ways in which a connection ends here.
  vmm.on('error', () => undefined);
  return { attachment, vmm };
}

const log = (): Promise<string> => readFile(join(directory, 'network.log'), 'utf8');

function guardOf({ handle }: NetworkAttachment): number {
  return handle.kind === 'user' ? handle.guard.pid : expect.fail('no process');
}

async function passtOf(attachment: NetworkAttachment): Promise<number> {
  const guard = guardOf(attachment);
  const { stdout } = await promisify(execFile)('pgrep', ['-P', String(guard)]);
  return Number(stdout);
}

/** Waits until no process of the network is left in the host's namespace. */
async function expectAllEnded(): Promise<void> {
  const deadline = Date.now() + END_TIMEOUT_MS;
  while ((await lab.processes('host')).length > 0 && Date.now() < deadline) await sleep(20);
  expect(await lab.processes('host')).toEqual([]);
}

async function expectGuestReaches(address: string, reached: boolean): Promise<void> {
  const targets: Target[] = (['tcp', 'udp'] as const).map((protocol) => ({ protocol, address, port: PORT }));
  const answers = (await lab.probe('guest', targets)).map(({ answer }) => answer);
  expect(answers).toEqual(targets.map(() => (reached ? GREETING : undefined)));
}

beforeAll(async () => {
  await promisify(execFile)('make', [
    '-s',
    '-C',
    join(import.meta.dirname, '../../netguard'),
    'all',
    'tools',
  ]);
  lab = await Lab.create('driver');
});
afterAll(() => lab?.close());

describeNetworkDriver('the user-mode network', { make: () => networkWith(), nic: true });

describe('the user-mode network', () => {
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'user-network-'));
    attached = [];
  });
  afterEach(async () => {
    for (const { handle } of attached) await networkWith().remove(handle);
    await expectAllEnded();
    await rm(directory, { recursive: true });
  });

  test('its socket and its log are private', async () => {
    await serve();
    const { stdout } = await promisify(execFile)('stat', [
      '-c',
      '%a',
      join(directory, 'outbound.sock'),
      join(directory, 'network.log'),
    ]);
    expect(stdout).toBe('600\n600\n');
  });

  test('neither netguard nor passt runs as root, with a capability or a way to get one', async () => {
    const { attachment } = await serve();
    const statusOf = (pid: number): Promise<string> => readFile(`/proc/${pid}/status`, 'utf8');
    // It is ready a moment before it enters its sandbox.
    await expect.poll(() => statusOf(guardOf(attachment))).toMatch(/^Seccomp:\s+2$/m);
    for (const pid of [guardOf(attachment), await passtOf(attachment)]) {
      const status = await statusOf(pid);
      expect(status).toMatch(/^Uid:\s+65534\s+65534\s+65534\s+65534$/m);
      expect(status).toMatch(/^CapEff:\s+0+$/m);
      expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
      expect(status).toMatch(/^Seccomp:\s+2$/m);
    }
  });

  test('ends with its VMM', async () => {
    const { vmm } = await serve();
    expect(await lab.processes('host')).toHaveLength(2);
    vmm.destroy();
    await expectAllEnded();
    expect(await log()).toContain('the VMM closed the connection');
  });

  test('netguard killed: passt goes too, the VMM sees the end, and the status tells', async () => {
    const { attachment, vmm } = await serve();
    const closed = once(vmm, 'close');
    vmm.resume();
    process.kill(guardOf(attachment), 'SIGKILL');
    await closed;
    await expectAllEnded();
    expect(await networkWith().status(attachment.handle)).toMatchObject({ up: false });
  });

  test('passt killed: netguard says so and ends', async () => {
    const { attachment } = await serve();
    process.kill(await passtOf(attachment), 'SIGKILL');
    await expectAllEnded();
    expect(await log()).toContain('passt closed the connection');
  });

  test('passt killed before a VMM came: netguard does not wait for one, and says why there is no network', async () => {
    const attachment = await prepare();
    const ready = attachment.ready(never);
    // passt is there, and has given root's rights away: it serves.
    await expect.poll(() => passtOf(attachment)).toBeGreaterThan(0);
    process.kill(await passtOf(attachment), 'SIGKILL');
    await expect(ready).rejects.toMatchObject({
      code: 'network_failed',
      message: expect.stringContaining('passt'),
    });
    await expectAllEnded();
  });

  test('a passt that does not start is an error with its words, and leaves nothing', async () => {
    const which = async (program: string) => (program === 'passt' ? '/bin/ls' : program);
    const attachment = await networkWith({ which }).prepare(spec());
    await expect(attachment.ready(never)).rejects.toMatchObject({
      code: 'network_failed',
      message: expect.stringContaining('passt: '),
    });
    await expectAllEnded();
    await networkWith().remove(attachment.handle);
    expect(await readdir(directory)).toEqual(['network.log']);
  });

  test.each([
    ['longer than any frame', [0x7f, 0xff, 0xff, 0xff]],
    ['with the sign bit', [0xff, 0xff, 0xff, 0xff]],
  ])('a frame length %s ends the connection, with the reason', async (_what, prefix) => {
    const { vmm } = await serve();
    const closed = once(vmm, 'close');
    vmm.resume();
    vmm.write(Buffer.from(prefix));
    await closed;
    await expectAllEnded();
    expect(await log()).toContain('a frame length that no frame can have');
  });

  test('QEMU waits for its network, survives the end of it, and reports both', async () => {
    const qemu = spawn(
      'qemu-system-x86_64',
      [
        '-S',
        '-nodefaults',
        '-no-user-config',
        '-display',
        'none',
        '-machine',
        'q35',
        '-accel',
        'tcg',
        '-m',
        '64',
      ].concat(
        ['-netdev', `stream,id=net0,server=on,addr.type=unix,addr.path=${socket()}`],
        ['-device', `virtio-net-pci,netdev=net0,mac=${MAC}`, '-qmp', 'stdio'],
      ),
      { stdio: ['pipe', 'pipe', 'inherit'] },
    );
    try {
      const lines: string[] = [];
      const said = async (text: string): Promise<void> => {
        const deadline = Date.now() + END_TIMEOUT_MS;
        while (!lines.some((line) => line.includes(text)) && Date.now() < deadline) await sleep(10);
        expect(lines.join('\n')).toContain(text);
      };
      createInterface(qemu.stdout).on('line', (line) => lines.push(line));
      qemu.stdin.write('{"execute":"qmp_capabilities"}\n');
      const attachment = await prepare();
      await attachment.ready(never);
      await said('NETDEV_STREAM_CONNECTED');
      process.kill(guardOf(attachment), 'SIGKILL');
      await said('NETDEV_STREAM_DISCONNECTED');
      qemu.stdin.write('{"execute":"query-status","id":"after"}\n');
      await said('"id": "after"');
    } finally {
      const ended = once(qemu, 'exit');
      qemu.kill('SIGKILL');
      await ended;
    }
  });

  describe('with a guest', () => {
    let outside: Awaited<ReturnType<Lab['listen']>>;
    let bridge: Awaited<ReturnType<typeof attachTapGuest>>;

    beforeEach(async () => {
      outside = await lab.listen('outside', [
        { address: addresses.outside4, port: PORT },
        { address: addresses.outside6, port: PORT },
      ]);
    });
    afterEach(async () => {
      await bridge.close();
      await outside.close();
    });

    test('without outbound nothing is reached, and a connect fails at once', async () => {
      bridge = await attachTapGuest(lab, networkWith().nic(spec()), await prepare({ outbound: false }));
      await expectGuestReaches(addresses.outside4, false);
      await expectGuestReaches(addresses.outside6, false);
      expect(outside.seen).toEqual([]);
      const [refused] = await lab.probe('guest', [
        { protocol: 'tcp', address: addresses.outside4, port: PORT },
      ]);
      expect(refused?.error).toBe('EHOSTUNREACH');
    });

    test('its way out is opened and closed while it runs, and each is so once it is said', async () => {
      const attachment = await prepare({ outbound: false });
      bridge = await attachTapGuest(lab, networkWith().nic(spec()), attachment);
      for (const open of [true, false, true]) {
        await networkWith().setOutbound(attachment.handle, open);
        const before = outside.seen.length;
        await expectGuestReaches(addresses.outside4, open);
        await expectGuestReaches(addresses.outside6, open);
        if (!open) expect(outside.seen.slice(before)).toEqual([]);
      }
      expect(await log()).toMatch(/outbound is open[^]*outbound is closed[^]*outbound is open/);
    });

    test('gives way to a network that the host has a route to', async () => {
      await lab.exec('host', 'ip', 'route', 'add', '10.0.0.0/8', 'via', addresses.outside4);
      await lab.exec(
        'host',
        'ip',
        '-6',
        'route',
        'add',
        'fd62:616e:6765:7200::/64',
        'via',
        addresses.outside6,
      );
      try {
        const attachment = await prepare();
        expect(attachment.guest?.ipv4?.address).toBe('172.31.254.15');
        expect(attachment.guest?.ipv6?.address).toBe('fd97:616e:6765:7200::f');
        bridge = await attachTapGuest(lab, networkWith().nic(spec()), attachment);
        await expectGuestReaches(addresses.outside4, true);
        await expectGuestReaches(addresses.outside6, true);
      } finally {
        await lab.exec('host', 'ip', 'route', 'del', '10.0.0.0/8');
        await lab.exec('host', 'ip', '-6', 'route', 'del', 'fd62:616e:6765:7200::/64');
      }
    });

    test('a host without routes: a warning, and the VM follows when the route comes', async () => {
      await lab.exec('host', 'ip', 'link', 'set', 'up0', 'down');
      try {
        const attachment = await prepare();
        expect(attachment.warnings).toEqual([expect.stringContaining('no default route')]);
        bridge = await attachTapGuest(lab, networkWith().nic(spec()), attachment);
        await expectGuestReaches(addresses.outside4, false);
      } finally {
        await lab.restoreUplink();
      }
      await expectGuestReaches(addresses.outside4, true);
    });
  });
});
