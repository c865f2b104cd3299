import { BangerError } from '@banger/contract/error';
import { errorCodes, type ErrorCode } from '@banger/contract/error-codes';

/** An error that the daemon told as part of an answer. A code that this build does not know is `internal`. */
export function toldError(
  { code, message, hint }: { readonly code: string; readonly message: string; readonly hint: string },
  details: Readonly<Record<string, unknown>> = {},
): BangerError {
  return new BangerError(isErrorCode(code) ? code : 'internal', message, { hint, details });
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCodes, code);
}
