import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { familyOf, installHint, tools } from './tools.ts';

const table = readFileSync(join(import.meta.dirname, '../../../../scripts/packages.txt'), 'utf8')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'));

test('every tool of the daemon is in the table that the set-up installs from', () => {
  for (const { program } of tools)
    expect(
      table.some((line) => line.split(/\s+/)[0] === program),
      program,
    ).toBe(true);
});

test('the command that installs a tool, or where to look on a distribution that we do not know', () => {
  const passt = tools.find(({ program }) => program === 'passt');
  if (passt === undefined) throw new Error('no passt');
  expect(installHint(passt, familyOf(['ubuntu', 'debian']))).toBe('sudo apt-get install passt');
  expect(installHint(passt, familyOf(['nixos']))).toMatch(/passt/);
});
