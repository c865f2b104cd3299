import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const repository = join(import.meta.dirname, '../../../../..');

/** Reasons for which a frame goes on or is answered: no refusals. */
const PASSING = new Set(['pass', 'answer_arp', 'answer_ndp']);

test('docs/network.md lists the refusals of netguard, as they are', async () => {
  const table = await readFile(join(repository, 'netguard/src/reason.h'), 'utf8');
  const docs = await readFile(join(repository, 'docs/network.md'), 'utf8');
  const coded = [...table.matchAll(/X\(\w+, "(\w+)", (\w+), "([^"]+)"\)/g)]
    .map(([, name = '', treatment, text]) => ({
      name,
      told: treatment !== 'QUIET',
      icmp: treatment === 'PROHIBIT',
      text,
    }))
    .filter(({ name }) => !PASSING.has(name));
  const documented = [...docs.matchAll(/^\| `(\w+)` +\| (\S*) +\| (\S*) +\| (.+?) +\|$/gm)].map(
    ([, name, told, icmp, text]) => ({ name, told: told === 'yes', icmp: icmp === 'yes', text }),
  );
  expect(coded.length).toBeGreaterThan(15);
  expect(documented).toEqual(coded);
});
