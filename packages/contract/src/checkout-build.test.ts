import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkoutBuild } from './checkout-build.ts';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'banger-build-'));
  write('package.json', '{ "version": "1.2.3" }');
  write('packages/a/src/deep/one.ts', 'one');
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

/** A file with a fixed change time, so that only what a test changes differs. */
function write(path: string, content: string, seconds = 1_000): void {
  const file = join(root, path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, content);
  utimesSync(file, seconds, seconds);
}

test('tells version, the change time of the newest source, and that there is no repository', () => {
  write('packages/a/src/two.ts', 'two', 2_000);
  expect(checkoutBuild(root)).toEqual({
    version: '1.2.3',
    commit: 'unknown',
    builtAt: new Date(2_000_000).toISOString(),
    build: expect.stringMatching(/^dev-[0-9a-f]{12}$/),
  });
});

test('the same files give the same id', () => {
  expect(checkoutBuild(root).build).toBe(checkoutBuild(root).build);
});

test.each([
  ['a source changes its size', () => write('packages/a/src/deep/one.ts', 'longer')],
  ['a source changes its time', () => write('packages/a/src/deep/one.ts', 'one', 1_001)],
  ['a source is added', () => write('packages/b/src/new.ts', '')],
  ['a program made from C changes', () => write('build/guest/agent', 'elf')],
])('the id is another when %s', (_what, change) => {
  const before = checkoutBuild(root).build;
  change();
  expect(checkoutBuild(root).build).not.toBe(before);
});

test.each([
  ['a test', 'packages/a/src/deep/one.test.ts'],
  ['an object file', 'build/guest/obj/main.o'],
  ['a document', 'packages/a/src/notes.md'],
])('the id does not depend on %s', (_what, path) => {
  const before = checkoutBuild(root).build;
  write(path, 'anything');
  expect(checkoutBuild(root).build).toBe(before);
});
