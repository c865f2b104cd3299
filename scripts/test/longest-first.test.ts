import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { TestSpecification, Vitest } from 'vitest/node';
import { LONGEST, LongestFirst } from './longest-first.ts';

const ROOT = join(import.meta.dirname, '../..');

test('what takes longest is there, and named once', () => {
  expect(LONGEST.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  expect(new Set(LONGEST).size).toBe(LONGEST.length);
});

test('it begins first, in its order; the rest stays as vitest has it', async () => {
  const results: Record<string, number> = { 'a.test.ts': 1, 'b.test.ts': 9 };
  const paths = ['a.test.ts', LONGEST[1]!, 'b.test.ts', LONGEST[0]!];
  const project = { name: '', config: { isolate: true, sequence: { groupOrder: 0 } } };
  const files = paths.map((path) => ({ moduleId: join(ROOT, path), project }) as TestSpecification);
  const cache = {
    getTestSpecificationResult: ({ moduleId }: TestSpecification) => ({
      failed: false,
      duration: results[moduleId.slice(ROOT.length + 1)] ?? 0,
    }),
  };
  const sorted = await new LongestFirst({ cache } as unknown as Vitest).sort(files);
  expect(sorted.map(({ moduleId }) => moduleId.slice(ROOT.length + 1))).toEqual([
    ...LONGEST.slice(0, 2),
    'b.test.ts',
    'a.test.ts',
  ]);
});
