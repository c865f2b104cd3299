import { CallCancelled, INTERNAL_ERROR, METHOD_NOT_FOUND, RpcError, type ErrorObject } from './errors.ts';
import type { CallContext, Connection, ErrorMapper, MethodTable } from './handler.ts';
import { errorMessage, resultMessage, type CallId, type Request } from './messages.ts';

/** What a call needs of the connection that it came on. */
export interface CallEnvironment {
  readonly connection: Connection;
  readonly methods: MethodTable;
  readonly mapError: ErrorMapper;
  readonly maxLineBytes: number;
  progress(call: ServerCall, id: CallId, event: object): void;
}

/** Method names are the client's words: only so much of one is repeated. */
const SHOWN_METHOD_LENGTH = 64;

/** One call at work on the server. */
export class ServerCall {
  readonly request: Request;
  readonly #environment: CallEnvironment;
  readonly #controller = new AbortController();
  #settled = false;

  constructor(request: Request, environment: CallEnvironment) {
    this.request = request;
    this.#environment = environment;
  }

  cancel(reason: string): void {
    if (!this.#controller.signal.aborted) this.#controller.abort(new CallCancelled(reason));
  }

  /** Runs the handler; resolves with the answer as JSON, undefined when none is to be sent. Never rejects. */
  async run(): Promise<string | undefined> {
    const { request } = this;
    const { connection, methods, mapError } = this.#environment;
    const context: CallContext = {
      id: request.id,
      method: request.method,
      signal: this.#controller.signal,
      connection,
      progress: (event) => {
        if (request.id !== undefined && !this.#settled) this.#environment.progress(this, request.id, event);
      },
    };
    let answer: (id: CallId) => object;
    try {
      const handler = methods.get(request.method);
      if (handler === undefined) throw new RpcError(METHOD_NOT_FOUND, unknownMethod(request.method));
      const result = await handler(request.params, context);
      answer = (id) => resultMessage(id, result);
    } catch (error) {
      const object = errorObject(error, context, mapError);
      answer = (id) => errorMessage(id, object);
    }
    this.#settled = true;
    return request.id === undefined
      ? undefined
      : serialize(request.id, answer(request.id), this.#environment.maxLineBytes);
  }
}

/** An answer as JSON; one that has no JSON form or would be too long for a line becomes an error. */
function serialize(id: CallId, message: object, maxLineBytes: number): string {
  try {
    const line = JSON.stringify(message);
    if (Buffer.byteLength(line) <= maxLineBytes) return line;
  } catch {
    return failed(id, 'The answer has no JSON form.');
  }
  return failed(id, `The answer is longer than ${maxLineBytes} bytes.`);
}

function failed(id: CallId, message: string): string {
  return JSON.stringify(errorMessage(id, { code: INTERNAL_ERROR, message }));
}

function errorObject(error: unknown, context: CallContext, mapError: ErrorMapper): ErrorObject {
  if (error instanceof RpcError) return error.toObject();
  try {
    return mapError(error, context);
  } catch {
    return { code: INTERNAL_ERROR, message: 'Internal error.' };
  }
}

function unknownMethod(method: string): string {
  return `There is no method ${JSON.stringify(method.slice(0, SHOWN_METHOD_LENGTH))}.`;
}
