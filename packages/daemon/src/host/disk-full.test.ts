import { expect, test } from 'vitest';
import { BangerError } from '@banger/contract/error';
import { asDiskFull, isDiskFull } from './disk-full.ts';

const errno = (code: string): Error => Object.assign(new Error('x'), { code });

test.each([
  errno('ENOSPC'),
  errno('EDQUOT'),
  new BangerError('command_failed', 'apt: No space left on device'),
  new BangerError('command_failed', 'cp: Disk quota exceeded'),
])('%s is a full disk', (error) => {
  expect(isDiskFull(error)).toBe(true);
  expect(asDiskFull(error, 'No room for it.', { path: '/x' })).toMatchObject({
    code: 'disk_full',
    message: 'No room for it.',
    details: { path: '/x' },
    cause: error,
  });
});

test.each([
  errno('EIO'),
  new BangerError('command_failed', 'apt: something else'),
  new BangerError('internal', 'No space left on device'),
])('%s is another error, which stays', (error) => {
  expect(isDiskFull(error)).toBe(false);
  expect(asDiskFull(error, 'No room for it.')).toBe(error);
});

test('one that says it already keeps its words', () => {
  const said = new BangerError('disk_full', 'Already said.');
  expect(asDiskFull(said, 'Other words.')).toBe(said);
});
