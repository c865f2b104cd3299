import { isIPv4, isIPv6 } from 'node:net';
import { BangerError } from '@banger/contract/error';

const IPV4_BYTES = 4;
const IPV6_BYTES = 16;
const MAC_BYTES = 6;

/** The 4 or 16 bytes of an IP address. Throws `invalid_argument` for anything else. */
export function addressBytes(text: string): Uint8Array {
  if (isIPv4(text)) return Uint8Array.from(text.split('.'), Number);
  if (isIPv6(text) && !text.includes('%')) return ipv6Bytes(text);
  throw new BangerError('invalid_argument', `${text} is no IP address.`);
}

/** An IP address as text, from its 4 or 16 bytes; undefined for any other length. */
export function addressText(bytes: Uint8Array): string | undefined {
  if (bytes.length === IPV4_BYTES) return bytes.join('.');
  if (bytes.length !== IPV6_BYTES) return undefined;
  const groups = Array.from({ length: 8 }, (_, index) =>
    ((Number(bytes[index * 2]) << 8) | Number(bytes[index * 2 + 1])).toString(16),
  );
  // The URL parser of the platform writes the canonical form (RFC 5952).
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1);
}

/** The 6 bytes of a MAC address. Throws `invalid_argument` for anything else. */
export function macBytes(text: string): Uint8Array {
  if (!/^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i.test(text))
    throw new BangerError('invalid_argument', `${text} is no MAC address.`);
  const bytes = Uint8Array.from(text.split(':'), (digits) => Number.parseInt(digits, 16));
  return bytes.subarray(0, MAC_BYTES);
}

function ipv6Bytes(text: string): Uint8Array {
  const [head = '', tail] = expandIpv4Tail(text).split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0');
  return Uint8Array.from(
    [...before, ...zeros, ...after].flatMap((group) => {
      const value = Number.parseInt(group, 16);
      return [value >> 8, value & 0xff];
    }),
  );
}

/** `::ffff:10.0.0.1` with its last four bytes as groups. */
function expandIpv4Tail(text: string): string {
  const tail = text.slice(text.lastIndexOf(':') + 1);
  if (!tail.includes('.')) return text;
  const [a = 0, b = 0, c = 0, d = 0] = tail.split('.').map(Number);
  const groups = [(a << 8) | b, (c << 8) | d].map((group) => group.toString(16));
  return text.slice(0, -tail.length) + groups.join(':');
}
