import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { buildId } from './sources.ts';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'banger-sources-'));
  write('package.json', '{}');
  write('packages/cli/src/main.ts', 'main');
  write('guest/src/main.c', 'int main;');
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

function write(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

test('the same bytes give the same id, whenever they were written', () => {
  const id = buildId(root);
  expect(id).toMatch(/^[0-9a-f]{12}$/);
  utimesSync(join(root, 'packages/cli/src/main.ts'), 1, 1);
  expect(buildId(root)).toBe(id);
});

test.each([
  'package-lock.json',
  'packages/cli/src/main.ts',
  'guest/src/main.c',
  'netguard/src/new.h',
  'guest/Makefile',
])('the id depends on %s', (path) => {
  const id = buildId(root);
  write(path, 'changed');
  expect(buildId(root)).not.toBe(id);
});

test.each(['packages/cli/src/main.test.ts', 'docs/errors.md', 'guest/test/unit.c'])(
  'the id does not depend on %s',
  (path) => {
    const id = buildId(root);
    write(path, 'changed');
    expect(buildId(root)).toBe(id);
  },
);

test('moving bytes from one file to another gives another id', () => {
  write('packages/cli/src/a.ts', 'ab');
  write('packages/cli/src/b.ts', '');
  const id = buildId(root);
  write('packages/cli/src/a.ts', 'a');
  write('packages/cli/src/b.ts', 'b');
  expect(buildId(root)).not.toBe(id);
});
