import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isAllowed, type Limited } from '@banger/contract/vm-limits';
import { parseDiskBytes, parseMemoryMib, parseRootBytes, parseVcpu } from './size.ts';

describe('sizes', () => {
  test.each([
    ['512', 512],
    ['512M', 512],
    ['2G', 2048],
    ['2g', 2048],
    ['2GiB', 2048],
    ['2097152K', 2048],
    ['1T', 1_048_576],
  ])('memory %s is %d MiB', (text, mib) => {
    expect(parseMemoryMib(text, '--memory')).toBe(mib);
  });

  test.each([
    ['8G', 8 * 1024 ** 3],
    ['512M', 512 * 1024 ** 2],
    ['1T', 1024 ** 4],
  ])('disk %s is %d bytes', (text, bytes) => {
    expect(parseDiskBytes(text, '--disk-size')).toBe(bytes);
  });

  test.each([
    '',
    '0',
    '0G',
    '-1',
    '-1G',
    '1.5G',
    '2GB',
    '2 G',
    ' 2G',
    '1e3',
    '0x10',
    'G',
    '2GG',
    '٢G',
    '1K',
    '127',
    '2T',
    '9'.repeat(15),
    `${'9'.repeat(15)}T`,
  ])('memory %j is refused', (text) => {
    expect(() => parseMemoryMib(text, '--memory')).toThrow(/--memory/);
  });

  test('a disk without a unit is refused with what to write', () => {
    expect(() => parseDiskBytes('8', '--disk-size')).toThrow('--disk-size "8" has no unit.');
    for (const text of ['0G', '2T', '1X', '']) expect(() => parseDiskBytes(text, '--disk-size')).toThrow();
  });

  test('what is past the limits is refused by the name of the flag, with what is allowed', () => {
    expect(() => parseDiskBytes('1M', '--disk-size')).toThrow(
      '--disk-size "1M" is not allowed: it must be from 64M to 1T.',
    );
    expect(() => parseRootBytes('512M', '--root-size')).toThrow(
      '--root-size "512M" is not allowed: it must be from 1G',
    );
    expect(() => parseVcpu('129', '--vcpu')).toThrow('it must be from 1 to 128.');
  });

  test.each(['0', '-1', '1.5', 'two', '', '9000', '99999999999'])('vcpu %j is refused', (text) => {
    expect(() => parseVcpu(text, '--vcpu')).toThrow(/--vcpu/);
  });

  test('whatever is taken is within the limits', () => {
    const parsers: Record<Limited, (value: string, flag: string) => number> = {
      vcpu: parseVcpu,
      memoryMib: parseMemoryMib,
      diskBytes: parseDiskBytes,
      rootBytes: parseRootBytes,
    };
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9]{1,16}[KMGTkmgt]?$/)), (text) => {
        for (const [key, parse] of Object.entries(parsers)) {
          try {
            expect(isAllowed(key as Limited, parse(text, '--x'))).toBe(true);
          } catch (error) {
            expect(error).toMatchObject({ code: 'usage' });
          }
        }
      }),
    );
  });
});
