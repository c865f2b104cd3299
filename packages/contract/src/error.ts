import { errorCodes, type ErrorCode } from './error-codes.ts';

/** What an error may carry besides its code and message. */
export interface BangerErrorOptions {
  /** What the user can do next; when absent the code's own hint from the table is used. */
  readonly hint?: string;
  readonly cause?: unknown;
  /** Facts for programs (names, sizes, paths); JSON values only, never secrets. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** The one error class: a stable code, a message for a person, what to do next, and the cause. */
export class BangerError extends Error {
  readonly code: ErrorCode;
  readonly hint: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: BangerErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'BangerError';
    this.code = code;
    this.hint = options.hint ?? errorCodes[code].hint;
    this.details = options.details ?? {};
  }
}

/** True for an error of ours with this code, or with any code when none is given. */
export function isBangerError(value: unknown, code?: ErrorCode): value is BangerError {
  return value instanceof BangerError && (code === undefined || value.code === code);
}

/** Anything thrown, as an error of ours; what is not already one becomes `internal`, a bug. */
export function toBangerError(value: unknown): BangerError {
  if (value instanceof BangerError) return value;
  const message = value instanceof Error ? value.message : String(value);
  return new BangerError('internal', message, { cause: value });
}
