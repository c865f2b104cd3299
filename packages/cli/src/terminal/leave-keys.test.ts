import { buffer } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { leaveKeys } from './leave-keys.ts';

/** What is passed on of keys that come in these pieces, and how often they left. */
async function typed(...pieces: readonly string[]): Promise<{ passed: string; left: number }> {
  let left = 0;
  const keys = leaveKeys(() => (left += 1));
  const passed = buffer(keys);
  for (const piece of pieces) keys.write(piece);
  keys.end();
  return { passed: (await passed).toString('utf8'), left };
}

test.each([
  ['~.', ''],
  ['ls\r~.', 'ls\r'],
  ['a\n~.rest', 'a\n'],
])('%j leaves', async (keys, passed) => {
  expect(await typed(keys)).toEqual({ passed, left: 1 });
  expect(await typed(...keys.split(''))).toEqual({ passed, left: 1 });
});

test.each([
  ['cd ~.\r', 'cd ~.\r'],
  ['~/bin/x\r', '~/bin/x\r'],
  ['~~.\r', '~.\r'],
  ['\r~\r~', '\r~\r~'],
  ['.~.', '.~.'],
  ['vi ä\r~x', 'vi ä\r~x'],
])('%j does not', async (keys, passed) => {
  expect(await typed(keys)).toEqual({ passed, left: 0 });
  expect(await typed(...keys.split(''))).toEqual({ passed, left: 0 });
});
