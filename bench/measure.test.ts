import { describe, expect, test } from 'vitest';
import { overBudget } from './budget.ts';
import { ratio, summary, takeTurns } from './measure.ts';
import { reportOf } from './report.ts';

describe('takeTurns', () => {
  test('changes who begins, keeps the sides apart and throws the first round away', async () => {
    const order: string[] = [];
    let time = 0;
    const side = (name: string) => async () => {
      order.push(name);
      time += 1;
      return time;
    };
    const values = await takeTurns(3, { a: side('a'), b: side('b') }, () => undefined);
    expect(order).toEqual(['a', 'b', 'b', 'a', 'b', 'a', 'a', 'b']);
    expect(values).toEqual({ a: [4, 6, 7], b: [3, 5, 8] });
  });
});

describe('figures', () => {
  const values = { ours: [30, 10, 20], bare: [10, 5, 40] };
  test("are medians, 95th percentiles and the median of the rounds' ratios", () => {
    expect(summary(values)).toEqual({ oursMs: 20, oursP95Ms: 30, bareMs: 10, bareP95Ms: 40 });
    expect(ratio(values.ours, values.bare)).toBe(2);
    expect(ratio([10, 12, 20, 24], [10, 10, 20, 20])).toBeCloseTo(1.1);
    expect(ratio([1, 2], [1])).toBeNaN();
  });
});

describe('the budget', () => {
  const result = {
    name: 'x',
    what: 'one : other',
    n: 10,
    figures: { ratio: 1.26, oursMs: 1234.5 },
    values: {},
  };

  test('names what is over its ceiling, missing or no number, and nothing else', () => {
    expect(overBudget(result, { x: { ratio: 1.26 } })).toEqual([]);
    expect(overBudget(result, { y: { ratio: 1 } })).toEqual([]);
    expect(overBudget(result, { x: { ratio: 1.25 } })).toEqual(['ratio 1.26, ceiling 1.25']);
    expect(overBudget(result, { x: { other: 1 } })).toEqual(['other is missing, ceiling 1']);
    expect(overBudget({ name: 'x', figures: { ratio: NaN } }, { x: { ratio: 1 } })).toHaveLength(1);
  });

  test('stands beside the figures in the report', () => {
    expect(reportOf(result, { x: { ratio: 1.25 } })).toBe(
      'x, n = 10: one : other\n' +
        '  ratio       1.26  (ceiling 1.25)\n' +
        '  oursMs      1235\n' +
        '  OVER BUDGET: ratio 1.26, ceiling 1.25',
    );
    expect(reportOf({ ...result, n: 9 }, {})).toMatch(/n < 10/);
  });
});
