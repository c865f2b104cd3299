import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const document = readFileSync(join(ROOT, 'docs/dependencies.md'), 'utf8');

interface PackageFile {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly license?: string;
}

function packageFile(path: string): PackageFile {
  return JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as PackageFile;
}

/** The rows of the table under a heading: what is in its first cell without the backquotes, and the other cells. */
function table(heading: string): readonly (readonly string[])[] {
  const section = document.split(/^## /m).find((part) => part.startsWith(`${heading}\n`)) ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  return rows.map((row) =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', '')),
  );
}

/** `package used-by` for every dependency of ours that is not a package of this repository. */
function dependenciesOf(path: string, kind: 'dependencies' | 'devDependencies'): readonly string[] {
  const names = Object.keys(packageFile(path)[kind] ?? {}).filter((name) => !name.startsWith('@banger/'));
  const user = path === 'package.json' ? 'root' : path.split('/')[1];
  return names.map((name) => `${name} ${user}`);
}

const packageFiles = ['package.json', ...globSync('packages/*/package.json', { cwd: ROOT })];

test.each([
  ['npm, in the shipped programs', 'dependencies'],
  ['npm, for development', 'devDependencies'],
] as const)('%s: each package, by whom it is used', (heading, kind) => {
  const wanted = packageFiles.flatMap((path) => dependenciesOf(path, kind));
  const told = table(heading).flatMap(
    ([name, users]) => users?.split(', ').map((user) => `${name} ${user}`) ?? [],
  );
  expect(wanted.length).toBeGreaterThan(0);
  expect(told.toSorted()).toEqual(wanted.toSorted());
});

test('the licence of each npm package is the one in the package', () => {
  const rows = [...table('npm, in the shipped programs'), ...table('npm, for development')];
  const told = rows.map(([name, users, , , licence]) => [name, users, licence]);
  const real = rows.map(([name, users]) => [
    name,
    users,
    installed(name ?? '', users?.split(', ')[0] ?? '').license,
  ]);
  expect(told).toEqual(real);
});

/** A package lies in the workspace that uses it when the root has another version. */
function installed(name: string, user: string): PackageFile {
  const own = `packages/${user}/node_modules/${name}/package.json`;
  return packageFile(globSync(own, { cwd: ROOT })[0] ?? `node_modules/${name}/package.json`);
}

test('each system package, what it is for, and who needs it', () => {
  const lines = readFileSync(join(ROOT, 'scripts/packages.txt'), 'utf8').split('\n');
  const columns = lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(/\s+/));
  const wanted = new Set(columns.map(([, apt, , , need]) => `${apt} ${need}`));
  const told = table('System packages').map(([name, need]) => `${name} ${need}`);
  expect(told.toSorted()).toEqual([...wanted].toSorted());
});

test('every row gives its reasons', () => {
  for (const heading of ['npm, in the shipped programs', 'npm, for development', 'System packages']) {
    for (const row of table(heading)) {
      expect(row).toHaveLength(5);
      expect(row.every((cell) => cell !== '')).toBe(true);
    }
  }
});
