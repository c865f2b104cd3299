import { BangerError } from '@banger/contract/error';
import type { GuestAddress } from './driver.ts';
import { overlaps, type Prefix } from './prefix.ts';

/** The private subnet of a VM: the guest, its gateway, and the address that stands for the host's resolver. */
export interface GuestSubnet extends GuestAddress {
  readonly dns: string;
}

/**
 * Subnets to choose from, in this order. Each VM may have the same one: nobody but it is on it. The last two are in ranges for
 * shared address space (RFC 6598) and for benchmarks (RFC 2544), for hosts that route all private ranges into a VPN.
 */
const ipv4Candidates = ['10.0.2', '172.31.254', '192.168.254', '100.127.254', '198.18.254'] as const;

/** Unique local prefixes (RFC 4193). */
const ipv6Candidates = ['fd62:616e:6765:7200', 'fd97:616e:6765:7200', 'fdd3:616e:6765:7200'] as const;

/**
 * The first subnet that shares no address with what the host has a route to: one that did would hide that network from the
 * guest. Throws `network_failed` when there is none.
 */
export function chooseIpv4(taken: readonly Prefix[]): GuestSubnet {
  const base = ipv4Candidates.find((candidate) => isFree({ address: `${candidate}.0`, bits: 24 }, taken));
  if (base === undefined)
    throw new BangerError(
      'network_failed',
      'This host has routes to every subnet that a VM could be given.',
      {
        hint: 'Remove one of the routes that `ip route show table all` lists, or use `--network none`.',
      },
    );
  return { address: `${base}.15`, prefixLength: 24, gateway: `${base}.2`, dns: `${base}.3` };
}

/** The same for IPv6; undefined when none is free, for a VM works without. */
export function chooseIpv6(taken: readonly Prefix[]): GuestSubnet | undefined {
  const base = ipv6Candidates.find((candidate) => isFree({ address: `${candidate}::`, bits: 64 }, taken));
  return base === undefined
    ? undefined
    : { address: `${base}::f`, prefixLength: 64, gateway: `${base}::2`, dns: `${base}::3` };
}

function isFree(candidate: Prefix, taken: readonly Prefix[]): boolean {
  return !taken.some((range) => overlaps(candidate, range));
}
