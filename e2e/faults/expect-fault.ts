import { errorCodes, type ErrorCode } from '@banger/contract/error-codes';
import { expect } from 'vitest';
import type { Outcome } from '../harness/banger.ts';

/** What a failure has to look like. */
export interface ExpectedFault {
  readonly code: ErrorCode;
  /** As docs/errors.md says for that code: 1, 125 in a session, 2 for the command line. */
  readonly status: number;
  /** What the message must say. */
  readonly says?: RegExp | string;
}

/**
 * Expects a failure as a person has to get it: one message with its documented code, what to do next, the documented exit status,
 * nothing on standard output, and no trace of the program's inside.
 */
export function expectFault(outcome: Outcome, { code, status, says = '' }: ExpectedFault): void {
  const { stderr, stdout } = outcome;
  expect(
    { status: outcome.status, codes: [...stderr.matchAll(/^error\[(\w+)\]: \S/gm)].map((match) => match[1]) },
    stderr,
  ).toEqual({ status, codes: [code] });
  expect(errorCodes).toHaveProperty(code);
  expect(stderr).toMatch(/^hint: \S/m);
  expect(stderr).toMatch(says);
  expect(stderr + stdout).not.toMatch(/\n\s+at \S+|node:internal|\bundefined\b|\[object /);
  expect(stdout).toBe('');
}
