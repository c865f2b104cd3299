import { expect, test } from 'vitest';
import { checkExecSize } from './exec-size.ts';

const MIB = 1_048_576;
const refused = (message: RegExp) =>
  expect.objectContaining({ code: 'invalid_argument', message: expect.stringMatching(message) });

test('what Linux takes passes', () => {
  checkExecSize(['true'], []);
  checkExecSize(['x'.repeat(131_071)], ['A=b']);
  checkExecSize(
    Array.from({ length: 200_000 }, () => 'x'),
    [],
  );
});

test('a total over the limit is told with figures', () => {
  expect(() =>
    checkExecSize(
      Array.from({ length: 300_000 }, () => 'x'),
      ['A=b'],
    ),
  ).toThrow(refused(/300000 arguments and 1 variables take 3000012 bytes; Linux takes at most 2097152/));
  const variables = Array.from({ length: 20 }, (_, index) => `V${index}=${'x'.repeat(120_000)}`);
  expect(() => checkExecSize(['true'], variables)).toThrow(refused(/1 arguments and 20 variables/));
});

test('one over the limit of a string is told, its bytes counted', () => {
  expect(() => checkExecSize(['x'.repeat(MIB)], [])).toThrow(
    refused(/1048576 bytes; Linux takes at most 131071/),
  );
  expect(() => checkExecSize(['é'.repeat(65_536)], [])).toThrow(refused(/131072 bytes/));
  checkExecSize(['\udcff'.repeat(131_071)], []);
});

test('more variables than anybody has are refused', () => {
  expect(() =>
    checkExecSize(
      ['true'],
      Array.from({ length: 8193 }, () => 'A=b'),
    ),
  ).toThrow(refused(/8193/));
});
