import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Result } from './measure.ts';

/** Ceilings of figures, by benchmark and figure. */
export type Budget = Readonly<Record<string, Readonly<Record<string, number>>>>;

/** The committed budget. */
export function readBudget(): Budget {
  return JSON.parse(readFileSync(join(import.meta.dirname, 'budget.json'), 'utf8')) as Budget;
}

/** Each figure of a result that is over its ceiling, in words. A figure that the budget names and the result lacks is over. */
export function overBudget({ name, figures }: Pick<Result, 'name' | 'figures'>, budget: Budget): string[] {
  return Object.entries(budget[name] ?? {})
    .filter(([figure, ceiling]) => !((figures[figure] ?? Infinity) <= ceiling))
    .map(
      ([figure, ceiling]) => `${figure} ${figures[figure]?.toFixed(2) ?? 'is missing'}, ceiling ${ceiling}`,
    );
}
