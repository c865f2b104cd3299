import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BangerError } from './error.ts';
import { errorCodes, type ErrorCode } from './error-codes.ts';
import { OUR_ERROR, fromRpcError, toRpcError } from './rpc-error.ts';

const everyCode = Object.keys(errorCodes) as ErrorCode[];

describe('errors over the wire', () => {
  test.each(everyCode)('%s comes back as it went', (code) => {
    const error = new BangerError(code, 'It broke.', {
      hint: 'Mend it.',
      details: { name: 'box', sizes: [1] },
    });
    const there = JSON.parse(JSON.stringify(toRpcError(error))) as ReturnType<typeof toRpcError>;
    const { message, hint, details } = fromRpcError(there);
    expect([fromRpcError(there).code, message, hint, details]).toEqual([
      code,
      'It broke.',
      'Mend it.',
      { name: 'box', sizes: [1] },
    ]);
  });

  test('carry the operation, and neither stack nor cause', () => {
    const error = new BangerError('vmm_failed', 'It broke.', { cause: new Error('secret cause') });
    const object = toRpcError(error, 'abc123');
    expect(object.code).toBe(OUR_ERROR);
    expect(object.data).toMatchObject({ code: 'vmm_failed', operation: 'abc123' });
    expect(JSON.stringify(object)).not.toMatch(/secret cause|rpc-error\.test/);
    expect(fromRpcError(object).details).toEqual({ operation: 'abc123' });
  });

  test.each([
    ['protocol_error', -32_600],
    ['method_not_found', -32_601],
    ['invalid_argument', -32_602],
  ] as const)('%s has the number that JSON-RPC gives it', (code, number) => {
    expect(toRpcError(new BangerError(code, 'no')).code).toBe(number);
    expect(fromRpcError({ code: number, message: 'no' }).code).toBe(code);
  });

  test.each([
    [-32_700, 'protocol_error'],
    [-32_603, 'internal'],
    [1, 'internal'],
  ])('number %d without data is %s', (code, expected) => {
    expect(fromRpcError({ code, message: 'no' })).toMatchObject({ code: expected, message: 'no' });
  });

  test.each(['unknown_code', 'constructor', '__proto__'])('the foreign code %s is internal', (code) => {
    const error = fromRpcError({ code: OUR_ERROR, message: 'no', data: { code, hint: 'later' } });
    expect(error).toMatchObject({ code: 'internal', hint: 'later', details: { code } });
  });

  test('any data gives an error of the table', () => {
    const data = fc.oneof(
      fc.jsonValue(),
      fc.record({
        code: fc.jsonValue(),
        hint: fc.jsonValue(),
        details: fc.jsonValue(),
        operation: fc.jsonValue(),
      }),
    );
    fc.assert(
      fc.property(fc.integer(), fc.string(), data, (code, message, value) => {
        expect(everyCode).toContain(fromRpcError({ code, message, data: value }).code);
      }),
    );
  });
});
