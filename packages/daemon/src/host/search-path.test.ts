import { expect, test } from 'vitest';
import { findProgram, searchPath } from './search-path.ts';

test('the sbin directories come last and once', () => {
  expect(searchPath('/usr/bin')).toBe('/usr/bin:/usr/sbin:/sbin');
  expect(searchPath('/sbin:/usr/sbin:/usr/bin')).toBe('/sbin:/usr/sbin:/usr/bin');
  expect(searchPath(undefined)).toBe('/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin');
});

test('relative entries of PATH find nothing', async () => {
  expect(await findProgram('vitest', 'node_modules/.bin:.:')).toBeUndefined();
  expect(await findProgram('', '/usr/bin')).toBeUndefined();
  expect(await findProgram('sh', '/usr/bin:/bin')).toMatch(/\/bin\/sh$/);
});
