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

/** Answers of the system about a path (errno(3)) that are facts of the host, and no bug of ours. */
const ofTheHost: Readonly<Record<string, ErrorCode>> = {
  EACCES: 'path_unsafe',
  EPERM: 'path_unsafe',
  EROFS: 'path_unsafe',
  ENOSPC: 'disk_full',
  EDQUOT: 'disk_full',
};

/** Anything thrown, as an error of ours: what the system answers about a path that it does not let us use; what is neither is `internal`, a bug. */
export function toBangerError(value: unknown): BangerError {
  if (value instanceof BangerError) return value;
  if (!(value instanceof Error)) return new BangerError('internal', String(value), { cause: value });
  const { code = '', path } = value as { readonly code?: unknown; readonly path?: unknown };
  const known = typeof path === 'string' && typeof code === 'string' ? ofTheHost[code] : undefined;
  if (known === undefined) return new BangerError('internal', value.message, { cause: value });
  return new BangerError(known, value.message, { cause: value, details: { path } });
}
