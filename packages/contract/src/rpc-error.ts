import { BangerError } from './error.ts';
import { errorCodes, type ErrorCode } from './error-codes.ts';

/** The `error` member of a JSON-RPC 2.0 answer. */
export interface RpcErrorObject {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/** What `data` holds in every error of ours. */
export interface RpcErrorData {
  readonly code: ErrorCode;
  readonly hint: string;
  readonly details: Readonly<Record<string, unknown>>;
  /** Id of the operation that failed, as in the daemon's log. */
  readonly operation?: string;
}

/** The number of all errors that JSON-RPC has none for; the first of those that it leaves to servers. */
export const OUR_ERROR = -32_000;

/** The codes that JSON-RPC 2.0, section 5.1, has numbers for. */
const numbers: Partial<Record<ErrorCode, number>> = {
  protocol_error: -32_600,
  method_not_found: -32_601,
  invalid_argument: -32_602,
};

/** What the numbers mean when they come from the peer itself, without `data`. */
const codes: Readonly<Record<number, ErrorCode>> = {
  [-32_700]: 'protocol_error',
  [-32_600]: 'protocol_error',
  [-32_601]: 'method_not_found',
  [-32_602]: 'invalid_argument',
};

/** An error as it goes over the wire: never its stack, nor its cause. */
export function toRpcError(error: BangerError, operation?: string): Required<RpcErrorObject> {
  const data: RpcErrorData = {
    code: error.code,
    hint: error.hint,
    details: error.details,
    ...(operation === undefined ? {} : { operation }),
  };
  return { code: numbers[error.code] ?? OUR_ERROR, message: error.message, data };
}

/**
 * The same error on the other side; `details.operation` is then the operation's id. A code that this build does not
 * know becomes `internal`, with the code in `details.code`.
 */
export function fromRpcError({ code, message, data }: RpcErrorObject): BangerError {
  if (!isRecord(data) || typeof data['code'] !== 'string')
    return new BangerError(codes[code] ?? 'internal', message, { details: { number: code } });
  const known = Object.hasOwn(errorCodes, data['code']);
  const details = {
    ...(isRecord(data['details']) ? data['details'] : {}),
    ...(known ? {} : { code: data['code'] }),
    ...(typeof data['operation'] === 'string' ? { operation: data['operation'] } : {}),
  };
  return new BangerError(known ? (data['code'] as ErrorCode) : 'internal', message, {
    ...(typeof data['hint'] === 'string' ? { hint: data['hint'] } : {}),
    details,
  });
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
