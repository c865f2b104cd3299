import { expect, test } from 'vitest';
import { BangerError, toBangerError } from './error.ts';

/** As Node throws it. */
const refused = (code: string, path?: string): Error =>
  Object.assign(new Error(`${code}: it says no`), { code, ...(path !== undefined && { path }) });

test.each([
  ['EACCES', 'path_unsafe'],
  ['EPERM', 'path_unsafe'],
  ['EROFS', 'path_unsafe'],
  ['ENOSPC', 'disk_full'],
  ['EDQUOT', 'disk_full'],
])('%s of a path is the host’s fault, and names it', (code, expected) => {
  expect(toBangerError(refused(code, '/a'))).toMatchObject({
    code: expected,
    message: `${code}: it says no`,
    details: { path: '/a' },
  });
});

test.each([[refused('EACCES')], [refused('ENOENT', '/a')], [new TypeError('x')], ['text']])(
  'anything else is a bug: %s',
  (thrown) => {
    expect(toBangerError(thrown)).toMatchObject({ code: 'internal', cause: thrown });
  },
);

test('an error of ours is what it is', () => {
  const error = new BangerError('usage', 'x');
  expect(toBangerError(error)).toBe(error);
});
