import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tools } from '../packages/daemon/src/domain/tools.ts';

const COLUMNS = /^(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+(.+)$/;

const rows = readFileSync(join(import.meta.dirname, 'packages.txt'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => COLUMNS.exec(line)?.slice(1) ?? [line]);

test('every row has its six columns', () => {
  expect(rows.filter((row) => row.length !== 6)).toEqual([]);
  expect(new Set(rows.map((row) => row[4]))).toEqual(new Set(['run', 'build', 'test', 'bench']));
});

test('what set-up installs for running is what doctor looks for', () => {
  const installed = rows
    .filter((row) => row[4] === 'run')
    .map(([program, debian, fedora, arch, , purpose]) => ({
      program,
      purpose,
      packages: { debian, fedora, arch: arch === '-' ? undefined : arch },
    }));
  expect(installed).toEqual(tools);
});
