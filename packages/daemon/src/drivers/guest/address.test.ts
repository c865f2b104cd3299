import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addressBytes, addressText, macBytes } from './address.ts';

test.each([
  ['10.0.2.15', '0a00020f'],
  ['::', '0'.repeat(32)],
  ['::1', `${'0'.repeat(31)}1`],
  ['fd00:1::2', 'fd000001000000000000000000000002'],
  ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
  ['fe80::', `fe80${'0'.repeat(28)}`],
  ['::ffff:10.0.0.1', '00000000000000000000ffff0a000001'],
])('%s', (text, hex) => {
  expect(Buffer.from(addressBytes(text)).toString('hex')).toBe(hex);
});

test('any bytes of an address survive as text', () => {
  const bytes = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }),
  );
  fc.assert(
    fc.property(bytes, (address) => {
      expect([...addressBytes(addressText(address) ?? '')]).toEqual([...address]);
    }),
  );
});

test('what is no address is refused', () => {
  for (const text of ['', '10.0.0', '10.0.0.256', 'fe80::1%eth0', 'localhost', '1:2'])
    expect(() => addressBytes(text)).toThrow('is no IP address');
  expect(addressText(Buffer.alloc(5))).toBeUndefined();
  expect([...macBytes('52:54:00:12:34:FF')]).toEqual([0x52, 0x54, 0, 0x12, 0x34, 0xff]);
  for (const text of ['', '52:54:00:12:34', '52-54-00-12-34-56', '5:54:00:12:34:56'])
    expect(() => macBytes(text)).toThrow('is no MAC address');
});
