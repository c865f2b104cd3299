import { readFile } from 'node:fs/promises';
import { BangerError } from '@banger/contract/error';
import type { Prefix } from './prefix.ts';

/** What this host's routing means for a user-mode network. */
export interface HostNetwork {
  /** Whether there is a default route. */
  readonly ipv4: boolean;
  /** Whether there is a default route and an interface that can stand for IPv6 (one with a link-local address). */
  readonly ipv6: boolean;
  /** Interface that passt takes as its template. */
  readonly template: string;
  /** Ranges that this host has for itself or a route to. */
  readonly taken: readonly Prefix[];
}

/** A file in which the kernel tells of a network namespace: proc_net(5). */
type NetFile = 'route' | 'fib_trie' | 'ipv6_route' | 'if_inet6';

/** Reads such a file; the tests read those of namespaces that they make. */
export type ReadNet = (file: NetFile) => Promise<string>;

/** Always there, and enough of a template for IPv4. */
const LOOPBACK = 'lo';

/** RTF_REJECT of linux/route.h: an IPv6 route that leads nowhere. */
const REJECT = 0x0200;

/** What `route` has as the interface of a route that leads nowhere. */
const NO_DEVICE = '*';

/** IPV6_ADDR_LINKLOCAL of the kernel's net/ipv6.h: the scope of an address that holds on its link alone. */
const SCOPE_LINK = 0x20;

/** Routes that lead nowhere: they reserve no range. */
const NOWHERE = new Set(['UNREACHABLE', 'BLACKHOLE', 'PROHIBIT', 'THROW', 'MULTICAST']);

/** Of a line that is not understood: enough to see what it is. */
const TOLD_CHARACTERS = 200;

/**
 * Reads every routing table and the interfaces with an IPv6 link-local address from the kernel, without a process. Rejects with
 * `network_failed` when it does not tell them, or in words that are not understood.
 */
export async function readHostNetwork(read: ReadNet = readProcNet): Promise<HostNetwork> {
  const lines = async (file: NetFile): Promise<string[]> => {
    try {
      return (await read(file)).split('\n').filter((line) => line.trim() !== '');
    } catch (cause) {
      throw new BangerError('network_failed', `The file /proc/net/${file} cannot be read.`, {
        cause,
        hint: 'banger reads the routes there: mount /proc without `subset=pid`.',
      });
    }
  };
  const [main4, every4, every6, addresses6] = await Promise.all([
    lines('route'),
    lines('fib_trie'),
    lines('ipv6_route'),
    lines('if_inet6'),
  ]);
  const routes4 = routesOfTrie(every4);
  const routes6 = every6.flatMap(ipv6Route);
  const default4 = main4.slice(1).map(defaultDevice).find(Boolean);
  const default6 = routes6.find(({ bits, device }) => bits === 0 && device !== LOOPBACK)?.device;
  const linkLocal = addresses6.flatMap(linkLocalDevice);
  const template6 = default6 !== undefined && linkLocal.includes(default6) ? default6 : linkLocal[0];
  return {
    ipv4: routes4.some(({ bits, type }) => bits === 0 && type === 'UNICAST'),
    ipv6: default6 !== undefined && template6 !== undefined,
    template: (default6 === undefined ? default4 : (template6 ?? default4)) ?? LOOPBACK,
    taken: [...routes4, ...routes6]
      .filter(({ bits }) => bits > 0)
      .map(({ address, bits }) => ({ address, bits })),
  };
}

async function readProcNet(file: NetFile): Promise<string> {
  try {
    return await readFile(`/proc/net/${file}`, 'utf8');
  } catch (error) {
    // A kernel without IPv6 has not the two files that tell of it.
    if (file.includes('6') && (error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

/** The interface of a line of `route`, the IPv4 routes of the main table, if that is a default route. */
function defaultDevice(line: string): string | undefined {
  const [device = '', to = '', mask = ''] = fields(
    'route',
    line,
    /^(\S+)\s+([\dA-F]{8})\s+[\dA-F]{8}\s+[\dA-F]{4}\s+(?:-?\d+\s+){3}([\dA-F]{8})\s/,
  );
  const isDefault = Number(`0x${to}${mask}`) === 0;
  return isDefault && device !== LOOPBACK && device !== NO_DEVICE ? device : undefined;
}

/** The routes of `fib_trie`, all IPv4 tables: trees whose leaves are addresses, each with a line for every route that begins there. */
function routesOfTrie(lines: readonly string[]): (Prefix & { readonly type: string })[] {
  let address: string | undefined;
  return lines.flatMap((line) => {
    const [leaf, bits, type = ''] = fields(
      'fib_trie',
      line,
      /^(?:\S.*:|\s+\+-- .*|\s+\|-- (\d+\.\d+\.\d+\.\d+)|\s+\/(\d+) \S+ ([A-Z]+|type \d+)(?: tos=\d+)?)$/,
    );
    address = leaf ?? address;
    if (bits === undefined || NOWHERE.has(type)) return [];
    if (address === undefined) throw notUnderstood('fib_trie', line);
    return [{ address, bits: Number(bits), type }];
  });
}

/** The route of a line of `ipv6_route`, all IPv6 tables; none when it leads nowhere. */
function ipv6Route(line: string): (Prefix & { readonly device: string })[] {
  const [to = '', bits = '', flags = '', device = ''] = fields(
    'ipv6_route',
    line,
    /^([\da-f]{32}) ([\da-f]{2}) [\da-f]{32} [\da-f]{2} [\da-f]{32}(?: [\da-f]{8}){3} ([\da-f]{8})\s+(\S+)$/,
  );
  if ((Number(`0x${flags}`) & REJECT) !== 0) return [];
  return [{ address: to.replaceAll(/.{4}(?!$)/g, '$&:'), bits: Number(`0x${bits}`), device }];
}

/** The interface of a line of `if_inet6`, if the address there is a link-local one. */
function linkLocalDevice(line: string): string[] {
  const [scope = '', device = ''] = fields(
    'if_inet6',
    line,
    /^[\da-f]{32} [\da-f]+ [\da-f]+ ([\da-f]+) [\da-f]+\s+(\S+)$/,
  );
  return Number(`0x${scope}`) === SCOPE_LINK && device !== LOOPBACK ? [device] : [];
}

/** What the groups of `shape` match in a line; those that are left out are undefined. */
function fields(file: NetFile, line: string, shape: RegExp): (string | undefined)[] {
  const found = shape.exec(line);
  if (found === null) throw notUnderstood(file, line);
  return found.slice(1);
}

function notUnderstood(file: NetFile, line: string): BangerError {
  return new BangerError('network_failed', `The file /proc/net/${file} cannot be understood.`, {
    details: { line: line.slice(0, TOLD_CHARACTERS) },
  });
}
