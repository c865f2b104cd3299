import { randomUUID } from 'node:crypto';
import type { Duplex } from 'node:stream';
import {
  ConnectionLost,
  INTERNAL_ERROR,
  INVALID_PARAMS,
  INVALID_REQUEST,
  PARSE_ERROR,
  ProtocolFault,
} from './errors.ts';
import type { Connection, ErrorMapper, MethodTable } from './handler.ts';
import { defaultLimits, type Limits } from './limits.ts';
import { LineReader } from './line-reader.ts';
import {
  ATTACH,
  CANCEL,
  NotJson,
  errorMessage,
  isObject,
  parseLine,
  readIncoming,
  type CallId,
  type Request,
} from './messages.ts';
import { Outbox } from './outbox.ts';
import { ServerCall, type CallEnvironment } from './server-call.ts';
import type { StreamRegistry } from './stream-registry.ts';

export interface PeerOptions {
  readonly methods: MethodTable;
  readonly mapError: ErrorMapper;
  /** Where `stream.attach` finds the streams that were offered; without it that method is like any other. */
  readonly streams?: StreamRegistry;
  /** Called once, when the connection is closed for good, as a stream too. */
  readonly onClose?: () => void;
  readonly limits?: Partial<Limits>;
}

/** The server's side of one connection. */
export interface Peer {
  readonly connection: Connection;
  /** Methods of the calls at work. */
  readonly active: readonly string[];
  /** Takes no more calls, cancels those at work, lets them answer for a moment, and closes. Harmless when repeated. */
  close(): Promise<void>;
}

/**
 * `open`: lines are read. `leaving`: no more are, the calls at work are ending. `ending`: all is said, the close is
 * awaited. `stream`: the connection is a byte stream of someone else.
 */
type Phase = 'open' | 'leaving' | 'ending' | 'stream' | 'closed';

/** Sends one answer, or notes that there is none. */
type Answer = (json: string | undefined) => void;

/** Serves newline-delimited JSON-RPC 2.0 on `duplex`, which it owns from now on. It should allow half-open. */
export function servePeer(duplex: Duplex, options: PeerOptions): Peer {
  return new ServerPeer(duplex, options);
}

class ServerPeer implements Peer {
  readonly connection: Connection;
  readonly #duplex: Duplex;
  readonly #options: PeerOptions;
  readonly #limits: Limits;
  readonly #reader: LineReader;
  readonly #outbox: Outbox;
  readonly #calls = new Set<ServerCall>();
  readonly #environment: CallEnvironment;
  readonly #left = new AbortController();
  readonly #closed = Promise.withResolvers<void>();
  #phase: Phase = 'open';
  #grace: NodeJS.Timeout | undefined;

  constructor(duplex: Duplex, options: PeerOptions) {
    this.#duplex = duplex;
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.#reader = new LineReader(this.#limits.maxLineBytes);
    this.#outbox = new Outbox(duplex, this.#limits, () => duplex.destroy());
    this.connection = { id: randomUUID(), closed: this.#left.signal, state: new Map() };
    this.#environment = {
      connection: this.connection,
      methods: options.methods,
      mapError: options.mapError,
      maxLineBytes: this.#limits.maxLineBytes,
      progress: (call, id, event) => this.#outbox.progress(call, id, event),
    };
    duplex.on('readable', this.#pump);
    duplex.on('end', this.#onEnd);
    duplex.on('drain', this.#onDrain);
    duplex.once('close', this.#onClose);
    // What broke is of no use to a server: the close that follows says enough.
    duplex.on('error', () => undefined);
  }

  get active(): readonly string[] {
    return [...this.#calls].map((call) => call.request.method);
  }

  close(): Promise<void> {
    if (this.#phase === 'stream') this.#duplex.destroy();
    else this.#leave('The daemon is closing the connection.');
    return this.#closed.promise;
  }

  /** Handles what has come, unless the client does not read its answers: then it waits for `drain`. */
  readonly #pump = (): void => {
    try {
      while (this.#phase === 'open' && !this.#outbox.congested) {
        const line = this.#reader.next();
        if (line !== undefined) {
          this.#receive(line);
          continue;
        }
        const chunk = this.#duplex.read() as Buffer | null;
        if (chunk === null) return;
        this.#reader.push(chunk);
      }
    } catch (error) {
      if (!(error instanceof ProtocolFault)) throw error;
      this.#refuse(error.message);
    }
  };

  readonly #onDrain = (): void => {
    this.#outbox.drained();
    this.#pump();
  };

  readonly #onEnd = (): void => this.#leave('The client left.');

  readonly #onClose = (): void => {
    this.#phase = 'closed';
    clearTimeout(this.#grace);
    this.#abandon('The client left.');
    this.#closed.resolve();
    this.#options.onClose?.();
  };

  #receive(line: Buffer): void {
    if (line.length === 0 || (line.length === 1 && line[0] === 0x0d)) return;
    let value: unknown;
    try {
      value = parseLine(line);
    } catch (error) {
      if (!(error instanceof NotJson)) throw error;
      this.#outbox.send(fault(null, PARSE_ERROR, error.message));
      return;
    }
    if (Array.isArray(value)) this.#receiveBatch(value);
    else this.#receiveMessage(value, this.#answer, false);
  }

  readonly #answer: Answer = (json) => {
    if (json !== undefined) this.#outbox.send(json);
  };

  #receiveBatch(values: readonly unknown[]): void {
    const { maxCalls, maxLineBytes } = this.#limits;
    if (values.length === 0 || values.length > maxCalls) {
      this.#outbox.send(fault(null, INVALID_REQUEST, `A batch must have 1 to ${maxCalls} messages.`));
      return;
    }
    const answers: string[] = [];
    let waiting = values.length;
    const collect: Answer = (json) => {
      if (json !== undefined) answers.push(json);
      waiting -= 1;
      if (waiting > 0 || answers.length === 0) return;
      const line = `[${answers.join(',')}]`;
      const fits = Buffer.byteLength(line) <= maxLineBytes;
      this.#outbox.send(fits ? line : fault(null, INTERNAL_ERROR, 'The answers of the batch are too long.'));
    };
    for (const value of values) this.#receiveMessage(value, collect, true);
  }

  #receiveMessage(value: unknown, answer: Answer, inBatch: boolean): void {
    const incoming = readIncoming(value);
    if (incoming.kind === 'invalid') {
      answer(fault(incoming.id, INVALID_REQUEST, incoming.reason));
      return;
    }
    const { request } = incoming;
    const refuse = (code: number, message: string): void =>
      answer(request.id === undefined ? undefined : fault(request.id, code, message));
    if (request.method === CANCEL && request.id === undefined) {
      this.#cancel(request.params);
      answer(undefined);
    } else if (request.method === ATTACH && this.#options.streams !== undefined) {
      if (inBatch || this.#calls.size > 0)
        refuse(INVALID_REQUEST, `${ATTACH} must be the only call of its connection.`);
      else this.#attach(request, this.#options.streams, refuse);
    } else if (this.#calls.size >= this.#limits.maxCalls) {
      refuse(INVALID_REQUEST, `More than ${this.#limits.maxCalls} calls at once on one connection.`);
    } else {
      void this.#call(request, answer);
    }
  }

  async #call(request: Request, answer: Answer): Promise<void> {
    const call = new ServerCall(request, this.#environment);
    this.#calls.add(call);
    const json = await call.run();
    this.#calls.delete(call);
    this.#outbox.release(call);
    answer(json);
    if (this.#phase === 'leaving' && this.#calls.size === 0) this.#finish();
  }

  #cancel(params: unknown): void {
    if (!isObject(params)) return;
    for (const call of this.#calls) {
      if (call.request.id !== undefined && call.request.id === params['id'])
        call.cancel('The client cancelled the call.');
    }
  }

  /** Gives the connection away; bytes that came behind the request are put back for the new owner. */
  #attach(request: Request, streams: StreamRegistry, refuse: (code: number, message: string) => void): void {
    const token = isObject(request.params) ? request.params['stream'] : undefined;
    if (request.id === undefined) return;
    const handler = typeof token === 'string' ? streams.take(token) : undefined;
    if (handler === undefined) {
      refuse(INVALID_PARAMS, 'No stream waits for this token: it is unknown, used or too old.');
      return;
    }
    this.#phase = 'stream';
    this.#duplex.off('readable', this.#pump);
    this.#duplex.off('end', this.#onEnd);
    this.#duplex.off('drain', this.#onDrain);
    this.#outbox.send(JSON.stringify({ jsonrpc: '2.0', id: request.id, result: {} }));
    const rest = this.#reader.rest();
    if (rest.length > 0) this.#duplex.unshift(rest);
    handler(this.#duplex);
  }

  /** Answers with a last error and closes. */
  #refuse(message: string): void {
    this.#outbox.send(fault(null, INVALID_REQUEST, message));
    this.#abandon('The connection was closed because the client broke the protocol.');
    this.#finish();
  }

  #leave(reason: string): void {
    if (this.#phase !== 'open') return;
    this.#phase = 'leaving';
    this.#abandon(reason);
    if (this.#calls.size === 0) this.#finish();
    else this.#within(() => this.#finish());
  }

  /** Tells all calls at work, and whoever waits for the client's end. */
  #abandon(reason: string): void {
    if (!this.#left.signal.aborted) this.#left.abort(new ConnectionLost(reason));
    for (const call of this.#calls) call.cancel(reason);
  }

  /** Ends our side. What the client still sends is read and dropped: so its own end is seen, and it can read ours. */
  #finish(): void {
    if (this.#phase === 'ending' || this.#phase === 'closed') return;
    this.#phase = 'ending';
    this.#duplex.end();
    this.#duplex.off('readable', this.#pump);
    this.#duplex.resume();
    this.#within(() => this.#duplex.destroy());
  }

  #within(act: () => void): void {
    clearTimeout(this.#grace);
    this.#grace = setTimeout(act, this.#limits.closeGraceMs);
    this.#grace.unref();
  }
}

function fault(id: CallId, code: number, message: string): string {
  return JSON.stringify(errorMessage(id, { code, message }));
}
