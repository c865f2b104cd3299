import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { overlaps, parsePrefix } from './prefix.ts';

describe('parsePrefix', () => {
  test.each([
    ['10.0.0.0/8', { address: '10.0.0.0', bits: 8 }],
    ['192.0.2.1', { address: '192.0.2.1', bits: 32 }],
    ['fd00::/64', { address: 'fd00::', bits: 64 }],
    ['::1', { address: '::1', bits: 128 }],
  ])('%s', (text, prefix) => expect(parsePrefix(text)).toEqual(prefix));

  test.each([
    '',
    'default',
    '10.0.0.0/33',
    '10.0.0.0/',
    '10.0.0.0/8/8',
    '10.0.0/8',
    'fd00::/129',
    '10.0.0.0/-1',
    '/8',
  ])('refuses %j', (text) => expect(parsePrefix(text)).toBeUndefined());
});

describe('overlaps', () => {
  const prefix = (text: string) => parsePrefix(text) ?? expect.fail(text);

  test.each([
    ['10.0.2.0/24', '10.0.0.0/8', true],
    ['10.0.2.0/24', '10.0.2.77/32', true],
    ['10.0.2.0/24', '10.0.3.0/24', false],
    ['10.0.2.0/24', '10.0.2.128/25', true],
    ['10.0.2.0/24', '::/0', false],
    ['fd00::/8', 'fd62:1::/64', true],
    ['fd62::/64', 'fd62:0:0:1::/64', false],
  ])('%s and %s: %s', (a, b, expected) => {
    expect(overlaps(prefix(a), prefix(b))).toBe(expected);
    expect(overlaps(prefix(b), prefix(a))).toBe(expected);
  });

  test('is what comparing the common bits says', () => {
    const range = fc.record({ value: fc.nat(0xffff_ffff), bits: fc.integer({ min: 1, max: 32 }) });
    const text = ({ value, bits }: { value: number; bits: number }) =>
      `${[24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.')}/${bits}`;
    fc.assert(
      fc.property(range, range, fc.boolean(), (a, other, near) => {
        const b = near ? { value: (a.value ^ (1 << (other.bits % 32))) >>> 0, bits: other.bits } : other;
        const common = 32 - Math.min(a.bits, b.bits);
        const equal = common === 32 || a.value >>> common === b.value >>> common;
        expect(overlaps(prefix(text(a)), prefix(text(b)))).toBe(equal);
      }),
    );
  });
});
