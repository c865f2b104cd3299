import { isIP } from 'node:net';

/** For which IP version passt has a resolver to forward to. */
export interface Resolvers {
  readonly ipv4: boolean;
  readonly ipv6: boolean;
}

/**
 * Reads resolv.conf(5) as passt does: lines that begin with `nameserver` and one space, the address after the last space, up to
 * `%`. Being stricter than passt is safe. Being laxer is not: with a forwarding address and no resolver passt sends queries to
 * 0.0.0.0, which is this host.
 */
export function resolversIn(resolvConf: string): Resolvers {
  const versions = resolvConf
    .split('\n')
    .filter((line) => line.startsWith('nameserver '))
    .map((line) => isIP(line.slice(line.lastIndexOf(' ') + 1).replace(/%.*$/, '')));
  return { ipv4: versions.includes(4), ipv6: versions.includes(6) };
}
