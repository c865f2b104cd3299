import type { ReadNet } from './host-network.ts';

/** What a host's kernel tells of its network, by file. */
export type ProcNet = Record<Parameters<ReadNet>[0], string>;

/** The files of a host, as the kernel writes them. */
export function procNet({
  route = [],
  fibTrie = [],
  ipv6Route = [],
  ifInet6 = [],
}: {
  readonly route?: readonly string[];
  readonly fibTrie?: readonly string[];
  readonly ipv6Route?: readonly string[];
  readonly ifInet6?: readonly string[];
}): ProcNet {
  const heading = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT';
  const text = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');
  return {
    // The kernel fills each line up to 127 characters.
    route: text((route.length === 0 ? [] : [heading, ...route]).map((line) => line.padEnd(127))),
    fib_trie: text(fibTrie),
    ipv6_route: text(ipv6Route),
    if_inet6: text(ifInet6),
  };
}

/** A default route of `route`. */
export const mainDefault = (device: string): string =>
  `${device}\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0`;

/** A table of `fib_trie` that has a default route alone. */
export const trieDefault = ['Main:', '  |-- 0.0.0.0', '     /0 universe UNICAST'] as const;

const no6 = '0'.repeat(32);

/** A line of `ipv6_route`: a route to a range by an interface, with its flags in hexadecimal digits. */
export const route6 = (to: string, bits: number, device: string, flags = '00000003'): string =>
  `${to.padEnd(32, '0')} ${bits.toString(16).padStart(2, '0')} ${no6} 00 ${no6} 00000400 00000001 00000000 ${flags} ${device.padStart(8)}`;

/** What each IPv6 table has: the route that leads nowhere. */
export const nowhere6 = route6('', 0, 'lo', '00200200').replace('00000400', 'ffffffff');

/** A line of `if_inet6`: a link-local address of an interface. */
export const linkLocal = (device: string): string =>
  `fe800000000000000c7aeafffe5a96de 03 40 20 80 ${device.padStart(8)}`;
