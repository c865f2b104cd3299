import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readStartFailure, startFailure } from './daemon-exit.ts';
import { BangerError } from './error.ts';

describe('the last line of a daemon that cannot start', () => {
  test('gives the error back', () => {
    const error = new BangerError('database_newer', 'Too new.', {
      hint: 'Use the newer program.',
      details: { version: 9 },
    });
    const line = JSON.stringify({ level: 60, time: 1, ...startFailure(error), msg: 'cannot start' });
    expect(readStartFailure(line)).toMatchObject({
      code: 'database_newer',
      message: 'Too new.',
      hint: 'Use the newer program.',
      details: { version: 9 },
    });
  });

  test.each(['', 'null', '{}', '{"failure":null}', '{"failure":{"code":"constructor","message":"x"}}'])(
    '%j is another line',
    (line) => {
      expect(readStartFailure(line)).toBeUndefined();
    },
  );

  test('any line is that or another one', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.jsonValue().map((value) => JSON.stringify({ failure: value })),
        ),
        (line) => {
          const error = readStartFailure(line);
          expect(error === undefined || error instanceof BangerError).toBe(true);
        },
      ),
    );
  });
});
