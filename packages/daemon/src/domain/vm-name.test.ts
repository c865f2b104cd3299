import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkVmName, generateVmName } from './vm-name.ts';

describe('VM names', () => {
  test.each(['a', 'box', '0', 'a-b', 'x'.repeat(63), '9to5'])('%s is allowed and not rewritten', (name) => {
    expect(checkVmName(name)).toBe(name);
  });

  test.each([
    '',
    '-',
    'a-',
    '-a',
    'A',
    'a.b',
    'a_b',
    'x'.repeat(64),
    'ä',
    'a b',
    'a\n',
    '\u001b[31m',
    '../x',
  ])('%j is refused', (name) => {
    expect(() => checkVmName(name)).toThrow(expect.objectContaining({ code: 'name_invalid' }) as Error);
  });

  test('the message of a refusal holds no control character of the name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (name) => {
        try {
          checkVmName(name);
        } catch (error) {
          expect((error as Error).message).not.toMatch(/\p{Cc}/u);
          expect((error as Error).message.length).toBeLessThan(200);
        }
      }),
    );
  });

  test('generated names are allowed ones', () => {
    let state = 7;
    const random = (below: number): number => (state = (state * 48271) % 2147483647) % below;
    for (let i = 0; i < 1000; i += 1)
      expect(checkVmName(generateVmName(random))).toMatch(/^([a-z][aeiou]){3}$/);
  });
});
