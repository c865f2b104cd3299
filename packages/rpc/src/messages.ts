import { createJSONRPCErrorResponse, createJSONRPCSuccessResponse, type JSONRPCID } from 'json-rpc-2.0';
import type { ErrorObject } from './errors.ts';
import { MAX_ID_LENGTH } from './limits.ts';

/** Id of a call: a string, a number or null (JSON-RPC 2.0, section 4). */
export type CallId = JSONRPCID;

/** Notification to the server: `{ id }` of the call to end. */
export const CANCEL = '$/cancel';
/** Notification to the client: `{ id, event }` of a call at work. */
export const PROGRESS = '$/progress';
/** The call after which the connection is a byte stream: `{ stream }`, a token. */
export const ATTACH = 'stream.attach';

/** What a message asks for; without `id` it is a notification and gets no answer. */
export interface Request {
  readonly id?: CallId;
  readonly method: string;
  readonly params: unknown;
}

/** What a server makes of one JSON value. `invalid` carries the id to answer to, null when it cannot be told. */
export type Incoming =
  | { readonly kind: 'request'; readonly request: Request }
  | { readonly kind: 'invalid'; readonly id: CallId; readonly reason: string };

/** What a client makes of one JSON value. */
export type Reply =
  | { readonly kind: 'result'; readonly id: CallId; readonly result: unknown }
  | { readonly kind: 'error'; readonly id: CallId; readonly error: ErrorObject }
  | { readonly kind: 'notification'; readonly method: string; readonly params: unknown };

/** A line that is not the text of a JSON value. */
export class NotJson extends Error {}

/** Fatal: a lone byte of another encoding must not become a replacement character inside a name. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Parses one line. Throws `NotJson`. */
export function parseLine(line: Uint8Array): unknown {
  let text: string;
  try {
    text = utf8.decode(line);
  } catch {
    throw new NotJson('The line is not UTF-8.');
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new NotJson('The line is not JSON.');
  }
}

/** Reads what a client sent, one member of a batch at a time. */
export function readIncoming(value: unknown): Incoming {
  if (!isObject(value)) return { kind: 'invalid', id: null, reason: 'A message must be an object.' };
  const { id, method, params } = value;
  const known = id !== undefined && isId(id) ? id : null;
  const invalid = (reason: string): Incoming => ({ kind: 'invalid', id: known, reason });
  if (id !== undefined && !isId(id)) return invalid('An id must be a short string, a number or null.');
  if (value['jsonrpc'] !== '2.0') return invalid('The member jsonrpc must be "2.0".');
  if (typeof method !== 'string') return invalid('The member method must be a string.');
  if (params !== undefined && (typeof params !== 'object' || params === null))
    return invalid('The member params must be an object or an array.');
  return { kind: 'request', request: { ...(id === undefined ? {} : { id }), method, params } };
}

/** Reads what a server sent; undefined when it is no valid message to a client. */
export function readReply(value: unknown): Reply | undefined {
  if (!isObject(value) || value['jsonrpc'] !== '2.0') return undefined;
  const { id, method, params, result, error } = value;
  if (method !== undefined)
    return typeof method === 'string' && id === undefined
      ? { kind: 'notification', method, params }
      : undefined;
  if (!isId(id) || (result === undefined) === (error === undefined)) return undefined;
  if (error === undefined) return { kind: 'result', id, result };
  return isErrorObject(error) ? { kind: 'error', id, error } : undefined;
}

/** The answer to a call that went well; what a handler did not return is null. */
export function resultMessage(id: CallId, result: unknown): object {
  return createJSONRPCSuccessResponse(id, result);
}

/** The answer to a call that failed. */
export function errorMessage(id: CallId, error: ErrorObject): object {
  return createJSONRPCErrorResponse(id, error.code, error.message, error.data);
}

export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isId(id: unknown): id is CallId {
  return id === null || typeof id === 'number' || (typeof id === 'string' && id.length <= MAX_ID_LENGTH);
}

function isErrorObject(error: unknown): error is ErrorObject {
  return isObject(error) && Number.isInteger(error['code']) && typeof error['message'] === 'string';
}
