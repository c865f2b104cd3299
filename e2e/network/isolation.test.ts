import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NetworkAttachment } from '@banger/daemon/drivers/network/driver';
import { UserNetwork } from '@banger/daemon/drivers/network/user-network';
import { systemClock } from '@banger/daemon/host/clock';
import { ProcessTable } from '@banger/daemon/host/process-identity';
import { addresses, Lab, type ListenerGroup } from './lab.ts';
import {
  both,
  hostAddresses,
  listenEverywhere,
  outsideAddresses,
  SINGLE_PORT,
  WILDCARD_PORT,
} from './lab-listeners.ts';
import { GREETING } from './listener.ts';
import type { Target } from './prober.ts';
import { attachTapGuest, netguardProgram } from './tap-guest.ts';

const MAC = '52:54:00:ab:cd:ef';

let lab: Lab;
let directory: string;
let networks: UserNetwork;
let attachment: NetworkAttachment;
let onHost: ListenerGroup;
let onOutside: ListenerGroup;

async function expectUnreached(targets: readonly Target[]): Promise<void> {
  const before = [onHost.seen.length, onOutside.seen.length];
  const reached = (await lab.probe('guest', targets)).filter(({ answer }) => answer !== undefined);
  expect(reached).toEqual([]);
  // Nor may a datagram have arrived that only its answer did not come back of.
  expect(onHost.seen.slice(before[0])).toEqual([]);
  expect(onOutside.seen.slice(before[1])).toEqual([]);
}

async function expectReached(targets: readonly Target[]): Promise<void> {
  const outcomes = await lab.probe('guest', targets);
  expect(outcomes.map(({ target, answer }) => ({ target, answer }))).toEqual(
    targets.map((target) => ({ target, answer: GREETING })),
  );
}

beforeAll(async () => {
  await promisify(execFile)('make', [
    '-s',
    '-C',
    join(import.meta.dirname, '../../netguard'),
    'all',
    'tools',
  ]);
  directory = await mkdtemp(join(tmpdir(), 'isolation-'));
  lab = await Lab.create('isolation');
  networks = new UserNetwork({
    runner: lab.runner('host'),
    processes: new ProcessTable(),
    clock: systemClock,
    netguard: netguardProgram,
    resolvConf: lab.resolvConf,
    readNet: lab.readNet('host'),
  });
  const spec = {
    vmId: 'guest',
    dir: directory,
    logFile: join(directory, 'network.log'),
    outbound: true,
    mac: MAC,
  };
  attachment = await networks.prepare(spec);
  await attachTapGuest(lab, networks.nic(spec), attachment);
  ({ onHost, onOutside } = await listenEverywhere(lab));
});

afterAll(async () => {
  if (attachment !== undefined) await networks.remove(attachment.handle);
  await lab?.close();
  if (directory !== undefined) await rm(directory, { recursive: true, force: true });
});

describe('the outside, the control of everything below', () => {
  test.each(outsideAddresses)('%s is reached', async (address) => {
    await expectReached(both(address, WILDCARD_PORT));
  });

  test('every listener of the host answers when asked from the host itself', async () => {
    const targets = hostAddresses.flatMap((address) => [
      ...both(address, WILDCARD_PORT),
      ...both(address, SINGLE_PORT),
    ]);
    const outcomes = await lab.probe('host', targets);
    expect(outcomes.filter(({ answer }) => answer !== GREETING)).toEqual([]);
  });

  test('every metadata address of the outside answers when asked from the host', async () => {
    const outcomes = await lab.probe(
      'host',
      addresses.outsideMetadata.flatMap((address) => both(address, WILDCARD_PORT)),
    );
    expect(outcomes.filter(({ answer }) => answer !== GREETING)).toEqual([]);
  });
});

describe('the host, from the guest', () => {
  test.each(hostAddresses)('%s is not reached', async (address) => {
    await expectUnreached([...both(address, WILDCARD_PORT), ...both(address, SINGLE_PORT)]);
  });

  test('its other loopback, broadcast and anycast addresses are not reached', async () => {
    const others = [
      '127.0.0.53',
      '127.1.2.3',
      '203.0.113.255',
      '203.0.113.0',
      '172.17.255.255',
      '2001:db8:1::',
      '255.255.255.255',
    ];
    await expectUnreached(
      others.flatMap((address) => [...both(address, WILDCARD_PORT), ...both(address, 53)]),
    );
  });

  test('the gateway and the resolver serve nothing but DNS over UDP', async () => {
    const own = [attachment.guest?.ipv4?.gateway, attachment.guest?.ipv6?.gateway, attachment.guest?.dns[0]];
    await expectUnreached([
      ...own.flatMap((address) => both(address ?? '', WILDCARD_PORT)),
      ...own.map((address) => ({ protocol: 'tcp' as const, address: address ?? '', port: 53 })),
    ]);
  });

  test('its resolver answers over the forwarded address alone', async () => {
    await expectReached([{ protocol: 'udp', address: attachment.guest?.dns[0] ?? '', port: 53 }]);
    expect(onHost.seen.at(-1)).toMatchObject({ protocol: 'udp', address: '127.0.0.53', port: 53 });
  });

  test('IPv6 addresses that carry an IPv4 address of the host are not reached', async () => {
    await lab.exec('host', 'ip', 'route', 'add', 'local', '64:ff9b::/96', 'dev', 'lo');
    const carriers = [
      '64:ff9b::203.0.113.1',
      '64:ff9b::7f00:1',
      '2002:cb00:7101::1',
      '64:ff9b:1::203.0.113.1',
      '::203.0.113.1',
    ];
    await expectUnreached(carriers.flatMap((address) => both(address, WILDCARD_PORT)));
  });

  test('an address is refused as soon as the host takes it', async () => {
    for (const [address, family] of [
      [addresses.far4, '-4'],
      [addresses.far6, '-6'],
    ] as const) {
      await expectReached(both(address, WILDCARD_PORT));
      await lab.exec('host', 'ip', family, 'address', 'add', address, 'dev', 'lo');
      await expectUnreached(both(address, WILDCARD_PORT));
      await lab.exec('host', 'ip', family, 'address', 'del', address, 'dev', 'lo');
      await expectReached(both(address, WILDCARD_PORT));
    }
  });

  test('a refused connection fails at once, and the log says why', async () => {
    const [outcome] = await lab.probe('guest', [
      { protocol: 'tcp', address: addresses.host.outward4, port: WILDCARD_PORT },
    ]);
    expect(outcome?.error).toBe('EHOSTUNREACH');
    const log = await readFile(join(directory, 'network.log'), 'utf8');
    expect(log).toMatch(
      /refused host_address \(an address of this host\): tcp 10\.0\.2\.15 port \d+ -> 203\.0\.113\.1 port 7000/,
    );
  });
});

describe('link-local and metadata addresses', () => {
  test.each(addresses.outsideMetadata)('%s is not reached', async (address) => {
    await expectUnreached([...both(address, WILDCARD_PORT), ...both(address, 80)]);
  });

  test('link-local addresses of the host and of its neighbour are not reached', async () => {
    for (const [place, device] of [
      ['host', 'up0'],
      ['outside', 'down0'],
    ] as const) {
      const [link] = JSON.parse(
        await lab.exec(place, 'ip', '-j', '-6', 'address', 'show', 'dev', device, 'scope', 'link'),
      );
      const { local } = link.addr_info[0];
      await expectUnreached(both(`${local}%eth0`, WILDCARD_PORT));
    }
  });
});

describe('who the guest says it is', () => {
  test('another source address is refused, v4 and v6', async () => {
    const strangers = [
      ['10.0.2.77', '24', addresses.outside4],
      ['fd62:616e:6765:7200::77', '64', addresses.outside6],
    ] as const;
    for (const [sourceAddress, bits, address] of strangers) {
      const flags = bits === '64' ? ['nodad'] : [];
      await lab.exec('guest', 'ip', 'address', 'add', `${sourceAddress}/${bits}`, 'dev', 'eth0', ...flags);
      await expectUnreached(both(address, WILDCARD_PORT).map((target) => ({ ...target, sourceAddress })));
      await lab.exec('guest', 'ip', 'address', 'del', `${sourceAddress}/${bits}`, 'dev', 'eth0');
    }
  });

  test('another MAC address is refused', async () => {
    await lab.exec('guest', 'ip', 'link', 'set', 'eth0', 'address', '52:54:00:00:00:01');
    await expectUnreached(both(addresses.outside4, WILDCARD_PORT));
    await lab.exec('guest', 'ip', 'link', 'set', 'eth0', 'address', MAC);
    await expectReached(both(addresses.outside4, WILDCARD_PORT));
  });

  test('a UDP port that services of the host use is not taken', async () => {
    const target: Target = { protocol: 'udp', address: addresses.outside4, port: WILDCARD_PORT };
    await expectUnreached([{ ...target, sourcePort: 5353 }]);
    await expectReached([{ ...target, sourcePort: 40_404 }]);
  });
});

describe('what comes in', () => {
  test('a datagram from anyone the guest did not send to is dropped', async () => {
    // passt holds this port open on every address of the host now.
    await expectReached([
      { protocol: 'udp', address: addresses.outside4, port: WILDCARD_PORT, sourcePort: 41_414 },
    ]);
    const guest = await lab.listen('guest', [
      { address: attachment.guest?.ipv4?.address ?? '', port: 41_414 },
    ]);
    const port = 41_414;
    await lab.probe('outside', [{ protocol: 'udp', address: addresses.host.outward4, port, sourcePort: 9 }]);
    await lab.probe('host', [{ protocol: 'udp', address: addresses.host.loopback4, port }]);
    expect(guest.seen).toEqual([]);
    await guest.close();
  });
});
