import { expect, it } from 'vitest';
import { diskTime } from './time.ts';

// Documentation/filesystems/ext4/inodes.rst, "Inode Timestamps".
it.each([
  { date: '1901-12-13T20:45:52Z', low: 0x80000000, epoch: 0 },
  { date: '1969-12-31T23:59:59Z', low: 0xffffffff, epoch: 0 },
  { date: '1970-01-01T00:00:00Z', low: 0, epoch: 0 },
  { date: '2038-01-19T03:14:07Z', low: 0x7fffffff, epoch: 0 },
  { date: '2038-01-19T03:14:08Z', low: 0x80000000, epoch: 1 },
  { date: '2174-02-25T09:42:24Z', low: 0x80000000, epoch: 2 },
  { date: '2446-05-10T22:38:55Z', low: 0x7fffffff, epoch: 3 },
])('$date is the word $low in epoch $epoch', ({ date, low, epoch }) => {
  const { seconds, extra } = diskTime({ seconds: Date.parse(date) / 1000, nanoseconds: 999_999_999 });
  expect(seconds >>> 0).toBe(low);
  expect(extra & 3).toBe(epoch);
  expect(extra >>> 2).toBe(999_999_999);
});

it('what is out of range becomes the nearest that is not', () => {
  expect(diskTime({ seconds: -62_135_596_800, nanoseconds: 7 })).toEqual({ seconds: -(2 ** 31), extra: 0 });
  expect(diskTime({ seconds: 2 ** 40, nanoseconds: 7 })).toEqual({ seconds: 2 ** 31 - 1, extra: 3 });
});
