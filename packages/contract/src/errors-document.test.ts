import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { exitStatus, statusOfError, statusOfSignal } from '../../cli/src/exit-status.ts';
import { DAEMON_HELD_EXIT } from './daemon-exit.ts';
import { expectSection, table } from './document.suite.ts';
import { BangerError } from './error.ts';
import { errorCodes, type ErrorCode } from './error-codes.ts';
import { toRpcError } from './rpc-error.ts';

const codes = Object.keys(errorCodes) as ErrorCode[];

describe('docs/errors.md', () => {
  test('has every code with its kind, exit statuses, meaning and advice', async () => {
    const rows = codes.map((code) => {
      const { kind, summary, hint } = errorCodes[code];
      const error = new BangerError(code, summary);
      const statuses = [statusOfError(error, false), statusOfError(error, true)];
      return [`\`${code}\``, kind, ...statuses, toRpcError(error).code, summary, hint];
    });
    const head = ['code', 'kind', 'exit', 'in a session', 'JSON-RPC', 'meaning', 'what to do'];
    await expectSection('errors.md', 'codes', table(head, rows));
  });

  test('has every exit status', async () => {
    const meaning: Record<keyof typeof exitStatus, string> = {
      done: 'all went well',
      failed: 'a failure of ours, or of one of several names',
      usage:
        'the command line is not valid, in a session too: an option, or a name that nothing could have; nothing was done',
      notRunning: '`banger daemon status`: no daemon runs',
      sessionFailed: 'in a session: a failure of ours',
      notExecutable: 'in a session: the command exists in the guest but cannot be executed',
      notFound: 'in a session: the command does not exist in the guest',
    };
    const rows: [string | number, string][] = Object.entries(exitStatus).map(([name, status]) => [
      status,
      meaning[name as keyof typeof exitStatus],
    ]);
    const signal = `128 + n`;
    expect(statusOfSignal(9)).toBe(128 + 9);
    rows.push([signal, 'ended by signal n: the command in the guest, or banger itself']);
    await expectSection('errors.md', 'statuses', table(['status', 'meaning'], rows));
  });

  test('has the exit status of a daemon that finds another one', () => {
    const text = readFileSync(join(import.meta.dirname, '../../../docs/errors.md'), 'utf8');
    expect(text).toContain(`with status ${DAEMON_HELD_EXIT}`);
  });
});

describe('the table of error codes', () => {
  test('is sorted', () => {
    expect(codes).toEqual(codes.toSorted());
  });

  test.each(codes)('%s has sentences for a person', (code) => {
    const { summary, hint } = errorCodes[code];
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
    for (const sentence of [summary, hint]) expect(sentence).toMatch(/^[A-Z].*\.$/);
  });
});
