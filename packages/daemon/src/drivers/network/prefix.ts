import { BlockList, isIP } from 'node:net';

/** A range of addresses: its first one (or any of it), and the length of the common prefix in bits. */
export interface Prefix {
  readonly address: string;
  readonly bits: number;
}

/** Reads `ADDRESS/BITS` or a bare address; undefined when it is neither. */
export function parsePrefix(text: string): Prefix | undefined {
  const [address = '', bits, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return undefined;
  const most = version === 4 ? 32 : 128;
  if (bits === undefined) return { address, bits: most };
  return /^\d{1,3}$/.test(bits) && Number(bits) <= most ? { address, bits: Number(bits) } : undefined;
}

/** Whether the two ranges share an address; ranges of different IP versions never do. */
export function overlaps(a: Prefix, b: Prefix): boolean {
  return isIP(a.address) === isIP(b.address) && (contains(a, b.address) || contains(b, a.address));
}

function contains(range: Prefix, address: string): boolean {
  const family = isIP(range.address) === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(range.address, range.bits, family);
  return list.check(address, family);
}
