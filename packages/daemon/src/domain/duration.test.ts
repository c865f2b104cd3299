import fc from 'fast-check';
import { expect, test } from 'vitest';
import { durationText, readDuration } from './duration.ts';

test.each([
  ['2h', 7_200_000],
  ['90m', 5_400_000],
  ['1d12h', 129_600_000],
  ['1h0m5s', 3_605_000],
  ['0s', 0],
])('%s is %d ms', (text, ms) => {
  expect(readDuration(text)).toBe(ms);
});

test.each(['', '2', 'h', '-1h', '1.5h', '2 h', '1m1h', '1h1h', '2H', '1w', '9999999h', '2h\n'])(
  '%j is none',
  (text) => {
    expect(readDuration(text)).toBeUndefined();
  },
);

test('what is told is read as the same', () => {
  fc.assert(
    fc.property(fc.nat(10 ** 9), (seconds) => {
      expect(readDuration(durationText(seconds * 1000))).toBe(seconds * 1000);
    }),
  );
});
