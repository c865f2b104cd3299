import { expect, test } from 'vitest';
import { durationWords } from './duration-words.ts';

test.each([
  [0, '0 s'],
  [999, '0 s'],
  [45_000, '45 s'],
  [7_200_000, '2 h'],
  [5_400_000, '1 h 30 min'],
  [90_061_000, '1 d 1 h'],
])('%d ms are %s', (ms, words) => expect(durationWords(ms)).toBe(words));
