import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { median, percentile } from './statistics.ts';

const values = fc.array(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }), {
  minLength: 1,
});

describe('median', () => {
  test('is the middle value, and between two middle values their mean', () => {
    expect(median([3])).toBe(3);
    expect(median([9, 1, 5])).toBe(5);
    expect(median([10, 1, 4, 2])).toBe(3);
  });

  test('sorts numbers as numbers and leaves its input as it is', () => {
    const given = [100, 9, 20];
    expect(median(given)).toBe(20);
    expect(given).toEqual([100, 9, 20]);
  });

  test('has as many values on either side', () => {
    fc.assert(
      fc.property(values, (given) => {
        const middle = median(given);
        const below = given.filter((value) => value < middle).length;
        const above = given.filter((value) => value > middle).length;
        expect(Math.max(below, above)).toBeLessThanOrEqual(given.length / 2);
      }),
    );
  });

  test('there is none of nothing', () => {
    expect(() => median([])).toThrow();
  });
});

describe('percentile', () => {
  test('is a value that was measured, by nearest rank', () => {
    const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);
    expect(percentile(hundred, 0.95)).toBe(95);
    expect(percentile(hundred, 1)).toBe(100);
    expect(percentile(hundred, 0)).toBe(1);
    expect(percentile([7, 3, 5, 1], 0.5)).toBe(3);
    expect(percentile([2], 0.95)).toBe(2);
  });

  test('covers at least its share and no whole value more', () => {
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (given, share) => {
        const found = percentile(given, share);
        expect(given).toContain(found);
        const covered = given.filter((value) => value <= found).length;
        expect(covered).toBeGreaterThanOrEqual(share * given.length - 1e-9);
        expect(given.filter((value) => value < found).length).toBeLessThanOrEqual(
          Math.ceil(share * given.length),
        );
      }),
    );
  });

  test('there is none of nothing', () => {
    expect(() => percentile([], 0.95)).toThrow();
  });
});
