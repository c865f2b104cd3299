import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readSize, sizeText } from './size-text.ts';
import { allowedText, isAllowed, vmLimits, type Limited } from './vm-limits.ts';

const keys = Object.keys(vmLimits) as Limited[];

test.each(keys)('the ends of %s are allowed, and what is past them is not', (key) => {
  const { least, most } = vmLimits[key];
  expect([least - 1, least, most, most + 1].map((value) => isAllowed(key, value))).toEqual([
    ...[false, true],
    ...[true, false],
  ]);
  for (const value of [0, -1, least + 0.5, Number.NaN, Infinity]) expect(isAllowed(key, value)).toBe(false);
});

test('what is allowed is told as it would be written', () => {
  expect(keys.map(allowedText)).toEqual([
    'from 1 to 128',
    'from 128M to 1T',
    'from 64M to 1T',
    'from 1G to 1T',
  ]);
});

test.each([
  ['512', 512, undefined],
  ['2g', 2, 1024 ** 3],
  ['2GiB', 2, 1024 ** 3],
  ['1k', 1, 1024],
])('%s is a size', (text, count, unitBytes) => {
  expect(readSize(text)).toEqual({ count, unitBytes });
});

test.each(['', 'G', '-1G', '1.5G', '2GB', '2 G', ' 2G', '1e3', '0x10', '2GG', '٢G', '9'.repeat(16)])(
  '%j is none',
  (text) => {
    expect(readSize(text)).toBeUndefined();
  },
);

test('a size that is told exactly is read as the same number of bytes', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 43 }), (kib) => {
      const { count, unitBytes = 0 } = readSize(sizeText(kib * 1024)) ?? { count: 0 };
      expect(count * unitBytes).toBe(kib * 1024);
    }),
  );
  expect([0, 1, 1000, 1025].map(sizeText)).toEqual(['0 bytes', '1 bytes', '1000 bytes', '1025 bytes']);
});
