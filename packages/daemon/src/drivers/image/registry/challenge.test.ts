import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readChallenges } from './challenge.ts';

const read = (value: string | string[]): unknown =>
  readChallenges(value).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

test.each<[string | string[], unknown]>([
  ['Basic realm="simple"', [['basic', { realm: 'simple' }]]],
  [
    'Bearer realm="https://auth.test/token",service="reg.test",scope="repository:a/b:pull,push"',
    [
      [
        'bearer',
        { realm: 'https://auth.test/token', service: 'reg.test', scope: 'repository:a/b:pull,push' },
      ],
    ],
  ],
  // RFC 9110, 11.6.1: two challenges in one line.
  [
    'Newauth realm="apps", type=1,\t title="Login to \\"apps\\"", Basic realm="simple"',
    [
      ['newauth', { realm: 'apps', type: '1', title: 'Login to "apps"' }],
      ['basic', { realm: 'simple' }],
    ],
  ],
  [
    ['Negotiate', 'BEARER Realm = "x"'],
    [
      ['negotiate', {}],
      ['bearer', { realm: 'x' }],
    ],
  ],
  [
    'Negotiate YWJj==, Basic realm="x"',
    [
      ['negotiate', {}],
      ['basic', { realm: 'x' }],
    ],
  ],
  [', ,Basic realm="x",,', [['basic', { realm: 'x' }]]],
  ['Bearer realm="a", realm="b"', [['bearer', { realm: 'a' }]]],
  ['Bearer realm="a", service="without an end', [['bearer', { realm: 'a' }]]],
  ['realm="x"', [['realm', {}]]],
  ['"quoted"', []],
  ['', []],
  [[], []],
])('%j', (value, challenges) => {
  expect(read(value)).toEqual(challenges);
});

test('any line is read in time, and gives no more than a few challenges', () => {
  const piece = fc.constantFrom(
    'Basic',
    'Bearer',
    ' ',
    ',',
    '=',
    '"',
    '\\',
    'realm',
    'a'.repeat(50),
    'é',
    '==',
  );
  const line = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 200 }).map((pieces) => pieces.join('')),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 4 }), (lines) => {
      expect(readChallenges(lines).length).toBeLessThanOrEqual(8);
    }),
    { numRuns: 2_000 },
  );
  expect(readChallenges('a,'.repeat(100_000))).toEqual([]);
  expect(readChallenges('a,'.repeat(4_000))).toHaveLength(8);
});
