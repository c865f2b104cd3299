import type { Budget } from './budget.ts';
import { overBudget } from './budget.ts';
import type { Result } from './measure.ts';

/** Fewer rounds than this are a look, not a measurement. */
const LEAST_ROUNDS = 10;

/** What a person reads of a result: what was compared, then a figure a line with its ceiling. */
export function reportOf(result: Result, budget: Budget): string {
  const { name, what, n, figures } = result;
  const ceilings = budget[name] ?? {};
  const width = Math.max(...Object.keys(figures).map((figure) => figure.length));
  const lines = Object.entries(figures).map(([figure, value]) => {
    const shown = `  ${figure.padEnd(width)}  ${amount(figure, value).padStart(8)}`;
    return ceilings[figure] === undefined ? shown : `${shown}  (ceiling ${ceilings[figure].toFixed(2)})`;
  });
  const over = overBudget(result, budget).map((text) => `  OVER BUDGET: ${text}`);
  const few = n < LEAST_ROUNDS ? [`  n < ${LEAST_ROUNDS}: a look, not a measurement`] : [];
  return [`${name}, n = ${n}: ${what}`, ...lines, ...few, ...over].join('\n');
}

/** Times without decimals from 100 ms on, where they say nothing. */
function amount(figure: string, value: number): string {
  return value.toFixed(figure.endsWith('Ms') && value >= 100 ? 0 : 2);
}
