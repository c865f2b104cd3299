import type { Duplex } from 'node:stream';
import { createJSONRPCNotification, createJSONRPCRequest } from 'json-rpc-2.0';
import { CallCancelled, ConnectionLost, LineTooLong, ProtocolFault, RpcError } from './errors.ts';
import { CANCEL_ANSWER_MS, MAX_LINE_BYTES } from './limits.ts';
import { LineReader } from './line-reader.ts';
import { CANCEL, PROGRESS, isObject, parseLine, readReply } from './messages.ts';

export interface CallOptions {
  /** Cancels the call on the server; see `RpcClient.call`. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (event: unknown) => void;
}

export interface RpcClientLimits {
  readonly maxLineBytes: number;
  /** How long a cancelled call waits for the server's answer. */
  readonly cancelAnswerMs: number;
}

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly onProgress: ((event: unknown) => void) | undefined;
}

/** The client's side of one connection, which it owns from now on. A server that breaks the protocol is left. */
export class RpcClient {
  /** Settles when the connection is over: with the reason, undefined after `close`. */
  readonly closed: Promise<Error | undefined>;
  readonly #duplex: Duplex;
  readonly #limits: RpcClientLimits;
  readonly #reader: LineReader;
  readonly #pending = new Map<number, Pending>();
  /** Calls that were given up: their late answers are no fault of the server. */
  readonly #forgotten = new Set<number>();
  readonly #over = Promise.withResolvers<Error | undefined>();
  #lost: Error | undefined;
  #nextId = 1;

  constructor(duplex: Duplex, limits: Partial<RpcClientLimits> = {}) {
    this.#duplex = duplex;
    this.#limits = { maxLineBytes: MAX_LINE_BYTES, cancelAnswerMs: CANCEL_ANSWER_MS, ...limits };
    this.#reader = new LineReader(this.#limits.maxLineBytes);
    this.closed = this.#over.promise;
    duplex.on('data', this.#onData);
    duplex.on('end', () => this.#lose(new ConnectionLost('The other side closed the connection.')));
    duplex.on('close', () => this.#lose(new ConnectionLost('The connection ended.')));
    duplex.on('error', (cause) => this.#lose(new ConnectionLost('The connection broke.', cause)));
  }

  /**
   * Calls a method. Rejects with `RpcError` when the server answers with an error, with `ConnectionLost` when it
   * cannot answer any more, and with `LineTooLong` when it would not read the call. An abort tells the server and then waits for its answer, because the server first undoes its
   * work (and may have finished it: then the result is returned); `CallCancelled` when it does not answer in time.
   */
  call(method: string, params: object | undefined, options: CallOptions = {}): Promise<unknown> {
    const { signal, onProgress } = options;
    if (signal?.aborted === true) return Promise.reject(cancelled());
    if (this.#lost !== undefined) return Promise.reject(this.#lost);
    const id = this.#nextId;
    const line = JSON.stringify(createJSONRPCRequest(id, method, params));
    const bytes = Buffer.byteLength(line);
    if (bytes > this.#limits.maxLineBytes)
      return Promise.reject(new LineTooLong(bytes, this.#limits.maxLineBytes));
    this.#nextId += 1;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#pending.set(id, { resolve, reject, onProgress });
    this.#duplex.write(`${line}\n`);
    return signal === undefined ? promise : this.#abortable(id, promise, signal);
  }

  /** Sends a notification; nobody answers it. */
  notify(method: string, params: object | undefined): void {
    if (this.#lost === undefined)
      this.#duplex.write(`${JSON.stringify(createJSONRPCNotification(method, params))}\n`);
  }

  /** Ends the connection; calls that wait reject with `ConnectionLost`. Harmless when repeated. */
  close(): void {
    this.#lose(undefined);
  }

  async #abortable(id: number, promise: Promise<unknown>, signal: AbortSignal): Promise<unknown> {
    let timer: NodeJS.Timeout | undefined;
    const onAbort = (): void => {
      this.notify(CANCEL, { id });
      timer = setTimeout(() => this.#forget(id, cancelled()), this.#limits.cancelAnswerMs);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      return await promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
      clearTimeout(timer);
    }
  }

  #forget(id: number, error: Error): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    this.#forgotten.add(id);
    pending.reject(error);
  }

  readonly #onData = (chunk: Buffer): void => {
    try {
      this.#reader.push(chunk);
      while (this.#lost === undefined) {
        const line = this.#reader.next();
        if (line === undefined) return;
        this.#receive(parseLine(line));
      }
    } catch (error) {
      this.#lose(error instanceof ProtocolFault ? error : new ProtocolFault((error as Error).message, error));
    }
  };

  #receive(value: unknown): void {
    const reply = readReply(value);
    if (reply === undefined) throw new ProtocolFault('The other side sent what is not an answer.');
    if (reply.kind === 'notification') {
      if (reply.method === PROGRESS) this.#progress(reply.params);
      return;
    }
    const error =
      reply.kind === 'error'
        ? new RpcError(reply.error.code, reply.error.message, reply.error.data)
        : undefined;
    if (typeof reply.id === 'number' && this.#forgotten.delete(reply.id)) return;
    const pending = typeof reply.id === 'number' ? this.#pending.get(reply.id) : undefined;
    if (pending === undefined) {
      if (error !== undefined)
        throw new ProtocolFault(`The other side refused a message: ${error.message}`, error);
      throw new ProtocolFault('The other side answered a call that was not made.');
    }
    this.#pending.delete(reply.id as number);
    if (reply.kind === 'result') pending.resolve(reply.result);
    else pending.reject(error as RpcError);
  }

  #progress(params: unknown): void {
    if (!isObject(params) || !isObject(params['event']))
      throw new ProtocolFault('The other side sent progress without an event.');
    const { id, event } = params;
    const pending = typeof id === 'number' ? this.#pending.get(id) : undefined;
    try {
      pending?.onProgress?.(event);
    } catch (error) {
      // A listener that throws ends its own call, not the connection of all the others.
      this.notify(CANCEL, { id });
      this.#forget(id as number, error as Error);
    }
  }

  #lose(reason: Error | undefined): void {
    if (this.#lost !== undefined) return;
    this.#lost = reason ?? new ConnectionLost('The connection was closed.');
    this.#duplex.destroy();
    for (const pending of this.#pending.values()) pending.reject(this.#lost);
    this.#pending.clear();
    this.#forgotten.clear();
    this.#over.resolve(reason);
  }
}

function cancelled(): CallCancelled {
  return new CallCancelled('The call was cancelled.');
}
