import { spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
/** One line more than a file may have. */
const TOO_MANY_LINES = 601;

/** A tree with our configuration as it is, in which the fixtures are sources of a package. */
const tree = mkdtempSync(join(tmpdir(), 'banger-lint-'));
afterAll(() => {
  rmSync(tree, { recursive: true });
});
for (const file of ['.oxlintrc.json', 'tsconfig.json']) copyFileSync(join(ROOT, file), join(tree, file));
for (const folder of ['node_modules', 'scripts']) symlinkSync(join(ROOT, folder), join(tree, folder));
const sources = join(tree, 'packages/sdk/src');
mkdirSync(sources, { recursive: true });
cpSync(join(import.meta.dirname, 'fixtures'), sources, { recursive: true });
writeFileSync(join(sources, 'long.ts'), '// a line\n'.repeat(TOO_MANY_LINES - 1) + 'export {};\n');

interface Answer {
  readonly number_of_files: number;
  readonly diagnostics: readonly { readonly code: string; readonly filename: string }[];
}

const { stdout, status } = spawnSync(join(ROOT, 'node_modules/.bin/oxlint'), ['--format=json', 'packages'], {
  cwd: tree,
  encoding: 'utf8',
  env: { ...process.env, PATH: `${join(process.execPath, '..')}:${process.env['PATH'] ?? ''}` },
});
const answer = JSON.parse(stdout) as Answer;
const reported = (file: string): readonly string[] =>
  answer.diagnostics.filter(({ filename }) => filename.endsWith(`/${file}`)).map(({ code }) => code);

test('the linter sees the fixtures and fails', () => {
  expect(answer.number_of_files).toBe(4);
  expect(status).toBe(1);
});

test.each([
  'banger(no-shell)',
  'banger(no-servers)',
  'eslint(eqeqeq)',
  'import(no-default-export)',
  'oxc(no-barrel-file)',
  'typescript(consistent-type-imports)',
  'typescript(no-explicit-any)',
  'typescript(no-floating-promises)',
  'typescript(no-import-type-side-effects)',
  'typescript(no-misused-promises)',
  'typescript(no-non-null-assertion)',
  'typescript(only-throw-error)',
  'typescript(return-await)',
  'typescript(switch-exhaustiveness-check)',
])('%s bites', (rule) => {
  expect(reported('violations.ts')).toContain(rule);
});

test('a file of more than 600 lines is too long', () => {
  expect(reported('long.ts')).toContain('eslint(max-lines)');
});

test('every way to a shell is seen, and argv arrays are not', () => {
  expect(reported('shell.ts')).toEqual(Array.from({ length: 6 }, () => 'banger(no-shell)'));
});
