import { expect, test } from 'vitest';
import { resolversIn } from './resolver.ts';

test.each([
  ['nameserver 127.0.0.53\noptions edns0\n', true, false],
  ['nameserver 192.0.2.1\nnameserver 2001:db8::1\n', true, true],
  ['nameserver fe80::1%eth0\n', false, true],
  ['nameserver   192.0.2.1\n', true, false],
  ['# nameserver 192.0.2.1\n', false, false],
  ['nameserver\t192.0.2.1\n', false, false],
  ['nameserver 192.0.2.1 # home\n', false, false],
  [' nameserver 192.0.2.1\n', false, false],
  ['nameserver 192.0.2.1\r\n', false, false],
  ['', false, false],
])('%j', (text, ipv4, ipv6) => {
  expect(resolversIn(text)).toEqual({ ipv4, ipv6 });
});
