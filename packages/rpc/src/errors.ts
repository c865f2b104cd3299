import { JSONRPCErrorCode } from 'json-rpc-2.0';

/** The error numbers of JSON-RPC 2.0, section 5.1. */
export const PARSE_ERROR: number = JSONRPCErrorCode.ParseError;
export const INVALID_REQUEST: number = JSONRPCErrorCode.InvalidRequest;
export const METHOD_NOT_FOUND: number = JSONRPCErrorCode.MethodNotFound;
export const INVALID_PARAMS: number = JSONRPCErrorCode.InvalidParams;
export const INTERNAL_ERROR: number = JSONRPCErrorCode.InternalError;

/** The `error` member of an answer: JSON-RPC 2.0, section 5.1. */
export interface ErrorObject {
  readonly code: number;
  readonly message: string;
  readonly data?: unknown;
}

/** An error answer, as the client side rejects with it; a handler may also throw one to choose its number. */
export class RpcError extends Error {
  readonly code: number;
  readonly data: unknown;

  constructor(code: number, message: string, data?: unknown) {
    super(message);
    this.name = 'RpcError';
    this.code = code;
    this.data = data;
  }

  /** Its form in an answer. */
  toObject(): ErrorObject {
    return {
      code: this.code,
      message: this.message,
      ...(this.data === undefined ? {} : { data: this.data }),
    };
  }
}

/** A call ended by its caller or because its caller left. Named `AbortError`, as the platform's own are. */
export class CallCancelled extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'AbortError';
  }
}

/** The connection ended, or the other side broke the protocol, while a call was waiting or before it was sent. */
export class ConnectionLost extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ConnectionLost';
  }
}

/** The other side sent what is not the protocol. */
export class ProtocolFault extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'ProtocolFault';
  }
}

/** A message that the other side would refuse for its length; it was not sent. */
export class LineTooLong extends Error {
  readonly bytes: number;
  readonly limit: number;

  constructor(bytes: number, limit: number) {
    super(`A message has ${bytes} bytes; at most ${limit} can be sent.`);
    this.name = 'LineTooLong';
    this.bytes = bytes;
    this.limit = limit;
  }
}
