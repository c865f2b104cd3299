import { expect, test } from 'vitest';
import { IdleFrameBudget } from './idle-frame-budget.ts';
import { MAX_IDLE_FRAMES_PER_SECOND } from './limits.ts';

test('so many frames a second are allowed, and no more', () => {
  let now = 0;
  const budget = new IdleFrameBudget(() => now);
  for (let second = 0; second < 3; second += 1) {
    for (let spent = 0; spent < MAX_IDLE_FRAMES_PER_SECOND; spent += 1) budget.spend();
    now += 1000;
  }
  for (let spent = 0; spent < MAX_IDLE_FRAMES_PER_SECOND; spent += 1) budget.spend();
  expect(() => {
    budget.spend();
  }).toThrow('within a second');
});
