import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BANGER_BIN } from '../harness/banger.ts';
import { sharedHome, stock } from '../harness/shared-home.ts';
import {
  both,
  hostAddresses,
  listenEverywhere,
  outsideAddresses,
  SINGLE_PORT,
  WILDCARD_PORT,
} from './lab-listeners.ts';
import { addresses, Lab, type ListenerGroup } from './lab.ts';
import { GREETING } from './listener.ts';
import type { Target } from './prober.ts';

/** Resolver and gateway of a VM's own subnet: docs/network.md. */
const RESOLVER = '10.0.2.3';
const GATEWAYS = ['10.0.2.2', 'fd62:616e:6765:7200::2'];

/**
 * A program that tries every target of its arguments at once, each in a process of its own, and prints it with its answer. Perl is part of every
 * Debian. The time bounds a silent target; what is refused is so at once, and an answer comes within a tenth of it, also under emulation.
 */
const PROBE = `
use IO::Socket::IP;
use Socket 'AI_NUMERICHOST';
for my $target (@ARGV) {
  next if fork;
  my ($protocol, $address, $port) = split / /, $target;
  my $answer = '';
  eval {
    local $SIG{ALRM} = sub { die };
    alarm 15;
    my $type = $protocol eq 'udp' ? SOCK_DGRAM : SOCK_STREAM;
    my @peer = (PeerHost => $address, PeerPort => $port, GetAddrInfoFlags => AI_NUMERICHOST);
    my $socket = IO::Socket::IP->new(@peer, Type => $type) or die;
    syswrite $socket, 'hello' if $protocol eq 'udp';
    while (length $answer < ${GREETING.length}) {
      sysread $socket, $answer, ${GREETING.length} - length $answer, length $answer or die;
    }
  };
  syswrite STDOUT, "$target $answer\n";
  exit;
}
1 while wait > 0;
`;

let lab: Lab;
let home: string;
let onHost: ListenerGroup;
let onOutside: ListenerGroup;

/** The command line, and whatever daemon and VMs it starts, in the lab's host. */
const banger = (...argv: readonly string[]): Promise<string> =>
  lab.exec('host', 'env', `BANGER_HOME=${home}`, process.execPath, BANGER_BIN, ...argv);

/** Which of the targets answered the VM. */
async function reached(targets: readonly Target[]): Promise<readonly string[]> {
  const words = targets.map(({ protocol, address, port }) => `${protocol} ${address} ${port}`);
  const printed = await banger('vm', 'exec', 'probe', '--', 'perl', '-e', PROBE, ...words);
  const lines = printed.trim().split('\n');
  expect(lines).toHaveLength(targets.length);
  return lines
    .filter((line) => line.endsWith(` ${GREETING}`))
    .map((line) => line.slice(0, -GREETING.length - 1));
}

beforeAll(async () => {
  // The namespaces have no way to a mirror: image and kernel come from the home that all tests share.
  home = await mkdtemp(join(tmpdir(), 'vm-lab-'));
  stock(home, sharedHome(), ['debian-bookworm']);
  lab = await Lab.create('vm');
  ({ onHost, onOutside } = await listenEverywhere(lab));
  await banger('vm', 'run', '-d', '--name', 'probe');
});

afterAll(async () => {
  await lab?.close();
  if (home !== undefined) await rm(home, { recursive: true, force: true });
});

describe('from inside a VM', () => {
  test('the outside is reached, TCP and UDP, IPv4 and IPv6: the control of what follows', async () => {
    const targets = outsideAddresses.flatMap((address) => both(address, WILDCARD_PORT));
    expect([...(await reached(targets))].sort()).toEqual(
      targets.map(({ protocol, address, port }) => `${protocol} ${address} ${port}`).sort(),
    );
  });

  test('no address of the host, no metadata and no link-local address is reached', async () => {
    const before = [onHost.seen.length, onOutside.seen.length];
    const targets = [
      ...hostAddresses.flatMap((address) => [...both(address, WILDCARD_PORT), ...both(address, SINGLE_PORT)]),
      ...addresses.outsideMetadata.flatMap((address) => both(address, WILDCARD_PORT)),
      ...[...GATEWAYS, RESOLVER].flatMap((address) => both(address, WILDCARD_PORT)),
    ];
    expect(await reached(targets)).toEqual([]);
    expect(onHost.seen.slice(before[0])).toEqual([]);
    expect(onOutside.seen.slice(before[1])).toEqual([]);
  });

  test('the resolver answers, and it is the one of the host', async () => {
    expect(await reached([{ protocol: 'udp', address: RESOLVER, port: 53 }])).toEqual([`udp ${RESOLVER} 53`]);
    expect(onHost.seen.at(-1)).toMatchObject({ protocol: 'udp', address: '127.0.0.53', port: 53 });
  });

  test('its way out closes and opens while it runs, the resolver included', async () => {
    const outside = outsideAddresses.flatMap((address) => both(address, WILDCARD_PORT));
    const resolver = { protocol: 'udp', address: RESOLVER, port: 53 } as const;
    await banger('vm', 'set', '--no-nat', 'probe');
    const before = onOutside.seen.length;
    expect(await reached([...outside, resolver])).toEqual([]);
    expect(onOutside.seen.slice(before)).toEqual([]);
    await banger('vm', 'set', '--nat', 'probe');
    expect(await reached([...outside, resolver])).toHaveLength(outside.length + 1);
  });

  test('an ordinary guest makes nothing that the log would call suspicious', async () => {
    const [vm] = JSON.parse(await banger('vm', 'list', '--json')) as { id: string }[];
    const log = await readFile(join(home, 'state/vms', vm?.id ?? '', 'network.log'), 'utf8');
    const told = [...log.matchAll(/ refused (\w+) /g)].map(([, reason]) => reason);
    expect(new Set(told)).toEqual(
      new Set(['host_address', 'link_local', 'metadata', 'no_outbound', 'own_subnet']),
    );
  });
});
