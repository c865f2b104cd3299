import { errorCodes, type ErrorCode } from '@banger/contract/error-codes';
import { describe, expect, test } from 'vitest';
import { signalNumber, statusOfEnd, statusOfError } from './exit-status.ts';

describe('exit statuses', () => {
  test.each(Object.keys(errorCodes) as ErrorCode[])('%s has one of its own kind', (code) => {
    const session: Partial<Record<ErrorCode, number>> = {
      usage: 2,
      name_invalid: 2,
      command_not_found: 127,
      shell_not_found: 127,
      command_not_executable: 126,
    };
    expect(statusOfError({ code }, false)).toBe(session[code] === 2 ? 2 : 1);
    expect(statusOfError({ code }, true)).toBe(session[code] ?? 125);
  });

  test("a guest command's own status is passed on, and a signal is 128 + n", () => {
    expect(statusOfEnd({ status: 125 })).toBe(125);
    expect(statusOfEnd({ signal: signalNumber('SIGKILL'), coreDumped: true })).toBe(137);
  });
});
