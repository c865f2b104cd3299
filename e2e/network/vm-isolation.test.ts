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

/** Targets tried at once: each is a shell of its own, and under emulation more of them only wait for each other. */
const AT_ONCE = 8;

/**
 * A script that tries each target and prints it with its answer. bash opens the sockets. The time bounds a silent one; what is refused is so
 * at once, and an answer comes within a tenth of it, also under emulation.
 */
const probeScript = (targets: readonly Target[]): string => `
try() {
  answer=$(timeout 15 bash -c 'exec 3<>/dev/$0/$1/$2 && { [ $0 = tcp ] || echo hello >&3; } && head -c ${GREETING.length} <&3' $1 $2 $3 2>/dev/null)
  echo "$1 $2 $3 $answer"
}
${targets.map(({ protocol, address, port }, at) => `try ${protocol} ${address} ${port} &${at % AT_ONCE === AT_ONCE - 1 ? '\nwait' : ''}`).join('\n')}
wait`;

let lab: Lab;
let home: string;
let onHost: ListenerGroup;
let onOutside: ListenerGroup;

/** The command line, and whatever daemon and VMs it starts, in the lab's host. */
const banger = (...argv: readonly string[]): Promise<string> =>
  lab.exec('host', 'env', `BANGER_HOME=${home}`, process.execPath, BANGER_BIN, ...argv);

/** Which of the targets answered the VM. */
async function reached(targets: readonly Target[]): Promise<readonly string[]> {
  const printed = await banger('vm', 'exec', 'probe', '--', 'bash', '-c', probeScript(targets));
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
