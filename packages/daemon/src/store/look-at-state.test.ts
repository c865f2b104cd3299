import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { hasOpen, HOLDER_FILE } from './holder.ts';
import { lookAtOpenState, lookAtState } from './look-at-state.ts';
import { migrations } from './migrations.ts';
import { DATABASE_FILE, openState } from './open-state.ts';

/** No process has it: it is over the kernel's largest process id (proc_sys_kernel(5), pid_max). */
const NOBODY = 2 ** 22 + 1;

let root: string;
let directory: string;
let file: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'banger-look-'));
  directory = join(root, 'state?#% ä');
  file = join(directory, DATABASE_FILE);
  mkdirSync(directory);
});
afterEach(() => rmSync(root, { recursive: true }));

/** Everything that a look could have touched. */
function tree(): unknown {
  const { mtimeNs } = statSync(directory, { bigint: true });
  const files = readdirSync(directory).map((name) => {
    const path = join(directory, name);
    const stat = statSync(path, { bigint: true });
    return [name, stat.ino, stat.mtimeNs, stat.ctimeNs, stat.isFile() ? readFileSync(path, 'latin1') : ''];
  });
  return [mtimeNs, files];
}

/** Looks, and expects that nothing was touched by it. */
function look(newest?: number): ReturnType<typeof lookAtState> {
  const before = tree();
  try {
    return lookAtState(directory, newest);
  } finally {
    expect(tree()).toEqual(before);
  }
}

test('there may be none yet, nor a directory for it', () => {
  expect(look()).toEqual({ found: 'nothing', file });
  expect(lookAtState(join(root, 'none')).found).toBe('nothing');
});

test('its version is told, that of an older one too, which stays that', () => {
  openState(directory, migrations.slice(0, 1)).close();
  expect(look()).toEqual({ found: 'whole', file, version: 1, newest: migrations.length });
  openState(directory).close();
  expect(look()).toMatchObject({ found: 'whole', version: migrations.length });
});

test('a newer one is refused', () => {
  openState(directory, ['', '', '']).close();
  expect(() => look(2)).toThrow(expect.objectContaining({ code: 'database_newer' }) as Error);
});

test.each([
  ['garbage', 'not a database at all '.repeat(500)],
  ['a truncated header', 'SQLite format 3\0'],
])('%s is refused', (_what, content) => {
  writeFileSync(file, content);
  expect(() => look()).toThrow(expect.objectContaining({ code: 'database_corrupt' }) as Error);
});

test('a directory in its place is refused', () => {
  mkdirSync(file);
  expect(() => look()).toThrow(expect.objectContaining({ code: 'database_corrupt' }) as Error);
});

test('what a killed daemon wrote last counts, though it is in the log alone', () => {
  const made = join(root, 'made');
  mkdirSync(made);
  const database = openState(made);
  for (const suffix of ['', '-wal']) copyFileSync(join(made, DATABASE_FILE + suffix), file + suffix);
  database.close();
  const temporary = () => readdirSync(tmpdir()).filter((name) => name.startsWith('banger-doctor-state-'));
  const before = temporary();
  writeFileSync(join(directory, HOLDER_FILE), JSON.stringify({ pid: NOBODY }));
  expect(look()).toMatchObject({ found: 'whole', version: migrations.length });
  expect(temporary()).toEqual(before);
});

test('one that a living daemon has open is only told of; whoever else has its process id does not count', () => {
  const database = openState(directory);
  writeFileSync(join(directory, HOLDER_FILE), JSON.stringify({ pid: process.pid }));
  expect(look()).toEqual({ found: 'held', file, pid: process.pid });
  database.close();
  expect(hasOpen(process.pid, file)).toBe(false);
  expect(look()).toMatchObject({ found: 'whole' });
});

test('the one that is open here is asked', () => {
  const database = openState(directory);
  const newest = migrations.length;
  expect(lookAtOpenState(directory, database)).toEqual({ found: 'whole', file, version: newest, newest });
  database.close();
});
