import { once } from 'node:events';
import { appendFile, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeRunner, type ExpectedArgument } from '@banger/testkit/fake-runner';
import { systemClock } from '../../host/clock.ts';
import type { ProcessIdentity } from '../../host/process-identity.ts';
import type { NetworkSpec } from './driver.ts';
import {
  linkLocal,
  mainDefault,
  procNet,
  route6,
  trieDefault,
  type ProcNet,
} from './host-network-fixture.ts';
import { UserNetwork } from './user-network.ts';

const NETGUARD = '/opt/netguard';
const PROGRAMS = { passt: '/usr/bin/passt', [NETGUARD]: NETGUARD };
const MAC = '52:54:00:12:34:56';

const identity = (pid: number): ProcessIdentity => ({ pid, startTicks: 7, bootId: 'boot' });

describe('the user-mode network', () => {
  let dir: string;
  let runner: FakeRunner;
  let alive: Set<number>;
  let signalled: number[];
  let identifies: boolean;
  let routing: ProcNet;

  const hostWith = ({ ipv6 = false, routed = true } = {}): void => {
    routing = procNet({
      ...(routed ? { route: [mainDefault('eth0')], fibTrie: trieDefault } : {}),
      ...(routed && ipv6 ? { ipv6Route: [route6('', 0, 'eth0')] } : {}),
      ifInet6: [linkLocal('eth0')],
    });
  };
  const network = (uid = 1000): UserNetwork =>
    new UserNetwork({
      runner,
      clock: systemClock,
      netguard: NETGUARD,
      resolvConf: join(dir, 'resolv.conf'),
      readNet: (file) => Promise.resolve(routing[file]),
      own: { proc: join(dir, 'proc'), uid },
      processes: {
        identify: (pid) => {
          if (!identifies) return undefined;
          alive.add(pid);
          return identity(pid);
        },
        isAlive: ({ pid }) => alive.has(pid),
        ageMs: ({ startTicks }) => startTicks * 1_000,
        signal: ({ pid }) => {
          signalled.push(pid);
          return alive.delete(pid);
        },
      },
    });
  const spec = (changes: Partial<NetworkSpec> = {}): NetworkSpec => ({
    vmId: 'vm',
    dir,
    logFile: join(dir, 'network.log'),
    outbound: true,
    mac: MAC,
    ...changes,
  });
  const expectGuard = (...options: ExpectedArgument[]): FakeRunner =>
    runner.expectSpawn([
      NETGUARD,
      '--socket',
      join(dir, 'network.sock'),
      '--control',
      join(dir, 'outbound.sock'),
      '--mac',
      MAC,
      '--gateway-mac',
      '52:54:00:62:6e:67',
      ...options,
    ]);
  const ipv4 = ['--address4', '10.0.2.15/24', '--gateway4', '10.0.2.2'];
  const ipv6 = ['--address6', 'fd62:616e:6765:7200::f/64', '--gateway6', 'fd62:616e:6765:7200::2'];
  const passt = ['--passt', '/usr/bin/passt', '--interface', 'eth0'];

  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'user-network-'));
    await writeFile(join(dir, 'resolv.conf'), 'nameserver 127.0.0.53\n');
    runner = new FakeRunner(PROGRAMS);
    hostWith();
    alive = new Set();
    signalled = [];
    identifies = true;
  });
  afterEach(async () => {
    runner.verify();
    await rm(dir, { recursive: true });
  });

  test('starts netguard with passt, and tells the guest what it may use', async () => {
    hostWith({ ipv6: true });
    expectGuard(...ipv4, '--dns4', '10.0.2.3', ...ipv6, ...passt);
    expect(await network().prepare(spec())).toEqual({
      handle: {
        kind: 'user',
        guard: identity(5_000_000),
        socket: join(dir, 'network.sock'),
        control: join(dir, 'outbound.sock'),
      },
      guest: {
        mac: MAC,
        ipv4: { address: '10.0.2.15', prefixLength: 24, gateway: '10.0.2.2' },
        ipv6: { address: 'fd62:616e:6765:7200::f', prefixLength: 64, gateway: 'fd62:616e:6765:7200::2' },
        dns: ['10.0.2.3'],
        mtu: 32_000,
      },
      warnings: [],
      ready: expect.any(Function) as unknown,
    });
    expect(network().nic(spec())).toEqual({ kind: 'stream', socket: join(dir, 'network.sock'), mac: MAC });
  });

  test('without outbound all is there, but closed, and nobody is warned of what is missing outside', async () => {
    await writeFile(join(dir, 'resolv.conf'), '# none\n');
    hostWith();
    expectGuard(...ipv4, ...passt, '--closed');
    expect((await network().prepare(spec({ outbound: false }))).warnings).toEqual([]);
  });

  test('opens and closes the way out by a word, which is heard when it has been repeated', async () => {
    const control = join(dir, 'outbound.sock');
    const heard: string[] = [];
    const guard = createServer((peer) =>
      peer.once('data', (word) => {
        heard.push(word.toString());
        peer.end(heard.length < 3 ? word : 'what?\n');
      }),
    );
    await once(guard.listen(control), 'listening');
    const handle = { kind: 'user', guard: identity(1), socket: join(dir, 'network.sock'), control } as const;
    await network().setOutbound(handle, false);
    await network().setOutbound(handle, true);
    expect(heard).toEqual(['closed\n', 'open\n']);
    await expect(network().setOutbound(handle, true)).rejects.toMatchObject({ code: 'network_failed' });
    guard.close();
    await rm(control, { force: true });
    await expect(network().setOutbound(handle, true)).rejects.toMatchObject({ code: 'network_failed' });
  });

  test('a host without routes and name servers gives a network and warnings', async () => {
    await writeFile(join(dir, 'resolv.conf'), '# none\n');
    hostWith({ routed: false });
    expectGuard(...ipv4, '--passt', '/usr/bin/passt', '--interface', 'lo');
    const { guest, warnings } = await network().prepare(spec());
    expect(guest?.dns).toEqual([]);
    expect(warnings).toEqual([
      expect.stringContaining('no default route'),
      expect.stringContaining('no name server'),
    ]);
  });

  test('a resolver with an IPv6 address alone is forwarded over IPv6', async () => {
    await writeFile(join(dir, 'resolv.conf'), 'nameserver 2001:db8::53\n');
    hostWith({ ipv6: true });
    expectGuard(...ipv4, ...ipv6, '--dns6', 'fd62:616e:6765:7200::3', ...passt);
    expect((await network().prepare(spec())).guest?.dns).toEqual(['fd62:616e:6765:7200::3']);
  });

  test('says when it is ready, or what netguard said of why it never will be', async () => {
    const logFile = join(dir, 'network.log');
    const never = new AbortController();
    await writeFile(logFile, 'of an earlier run\n');
    for (let times = 0; times < 3; times += 1) {
      hostWith();
      expectGuard(...ipv4, '--dns4', '10.0.2.3', ...passt);
    }
    const serving = await network().prepare(spec());
    const early = serving.ready(never.signal);
    await writeFile(join(dir, 'outbound.sock'), '');
    await early;
    await network().remove(serving.handle);

    const ending = await network().prepare(spec());
    await appendFile(logFile, '2026-01-02T03:04:05Z netguard: passt: no memory\n');
    runner.spawned[1]?.exit(3);
    await expect(ending.ready(never.signal)).rejects.toMatchObject({
      code: 'network_failed',
      message: 'The network of the VM could not be started: passt: no memory.',
    });
    await network().remove(ending.handle);

    const left = await network().prepare(spec());
    await expect(left.ready(AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' });
    await network().remove(left.handle);
    expect(await readdir(dir)).toEqual(['network.log', 'resolv.conf']);
  });

  test('one that has ended before it could be looked at says why, and leaves nothing', async () => {
    const logFile = join(dir, 'network.log');
    hostWith();
    runner.expectSpawn([NETGUARD, ...Array.from({ length: 18 }, () => () => true)], {
      effect: () => appendFile(logFile, '2026-01-02T03:04:05Z netguard: passt: no memory\n'),
    });
    identifies = false;
    await expect(network().prepare(spec())).rejects.toMatchObject({
      code: 'network_failed',
      message: 'The network of the VM could not be started: passt: no memory.',
    });
    expect(runner.spawned[0]?.signals).toEqual(['SIGKILL']);
    expect(await readdir(dir)).toEqual(['network.log', 'resolv.conf']);
  });

  test('a cancelled start starts no netguard', async () => {
    await expect(network().prepare(spec({ signal: AbortSignal.abort() }))).rejects.toMatchObject({
      code: 'cancelled',
    });
    expect(runner.spawned).toEqual([]);
  });

  test('a path too long for a socket is refused before anything starts', async () => {
    hostWith();
    await expect(network().prepare(spec({ dir: join(dir, 'x'.repeat(100)) }))).rejects.toMatchObject({
      code: 'network_failed',
      hint: expect.stringContaining('BANGER_HOME'),
    });
  });

  test('its probe names every missing program', async () => {
    runner = new FakeRunner({});
    expect(await network().probe()).toMatchObject({ usable: false, missingTools: ['passt', NETGUARD] });
  });

  const pretend = async (
    pretended: readonly (readonly [pid: string, uid: number, ...argv: string[]])[],
  ): Promise<void> => {
    for (const [pid, uid, ...argv] of pretended) {
      const entry = join(dir, 'proc', pid);
      await mkdir(entry, { recursive: true });
      await writeFile(join(entry, 'cmdline'), argv.map((argument) => `${argument}\0`).join(''));
      await writeFile(join(entry, 'status'), `Uid:\t${uid}\t${uid}\t${uid}\t${uid}\n`);
    }
  };

  test('finds the netguards of the directories in one, of this user alone', async () => {
    await pretend([
      ['10', 1000, '/elsewhere/netguard', '--socket', '/run/vm/one/network.sock', '--mac', MAC],
      ['11', 1001, NETGUARD, '--socket', '/run/vm/two/network.sock'],
      ['12', 1000, NETGUARD, '--socket', '/run/vm/one/two/network.sock'],
      ['13', 1000, 'cat', '--socket', '/run/vm/one/network.sock'],
      ['14', 1000, NETGUARD, '--socket', '/run/vm/one/other.sock'],
      ['15', 65_534, NETGUARD, '--socket', '/run/vm/three/network.sock'],
    ]);
    const found = await network().find('/run/vm');
    expect(found.map((one) => one.dir)).toEqual(['/run/vm/one']);
    expect(Math.abs(Date.now() - 7_000 - (found[0]?.startedAt ?? 0))).toBeLessThan(1_000);
  });

  test('sweeps the netguard of that very directory, of this user alone', async () => {
    const socket = join(dir, 'network.sock');
    await pretend([
      ['10', 1000, '/elsewhere/netguard', '--socket', socket, '--mac', MAC],
      ['11', 1001, NETGUARD, '--socket', socket],
      ['12', 1000, NETGUARD, '--socket', `${socket}2`],
      ['13', 1000, 'cat', '--socket', socket],
      ['14', 1000, NETGUARD, socket],
    ]);
    await writeFile(join(dir, 'outbound.sock'), '');
    await network().sweep(dir);
    expect(new Set(signalled)).toEqual(new Set([10]));
    expect((await readdir(dir)).sort()).toEqual(['proc', 'resolv.conf']);
  });

  test('for root, one that has given its rights away is still its own', async () => {
    const socket = join(dir, 'network.sock');
    await pretend([
      ['10', 0, NETGUARD, '--socket', socket],
      ['11', 65_534, NETGUARD, '--socket', socket],
      ['12', 65_534, NETGUARD, '--socket', `${socket}2`],
      ['13', 1000, NETGUARD, '--socket', socket],
    ]);
    expect((await network(0).find(dirname(dir))).map((one) => one.dir)).toEqual([dir, dir]);
    await network(0).sweep(dir);
    expect(new Set(signalled)).toEqual(new Set([10, 11]));
  });

  test('removes netguard and its socket, once', async () => {
    hostWith();
    expectGuard(...ipv4, '--dns4', '10.0.2.3', ...passt);
    const driver = network();
    const { handle } = await driver.prepare(spec());
    await driver.remove(handle);
    expect(await readdir(dir)).toEqual(['resolv.conf']);
    expect(await driver.status(handle)).toMatchObject({ up: false });
    await driver.remove(handle);
  });
});
