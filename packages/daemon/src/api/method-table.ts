import { BangerError, isBangerError, toBangerError } from '@banger/contract/error';
import { errorCodes } from '@banger/contract/error-codes';
import { methods, type MethodName } from '@banger/contract/methods';
import type { OperationView, Subject } from '@banger/contract/operation';
import { toRpcError } from '@banger/contract/rpc-error';
import type { CallContext, Connection, ErrorMapper, Handler } from '@banger/rpc/handler';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { DaemonInfo } from '../services/daemon-info.ts';
import { newOperationId, runOperation, type Operation } from '../services/operation.ts';
import { isOperation } from '../services/operation-methods.ts';
import type { Operations } from '../services/operations.ts';
import type { StatePlace } from '../store/state-place.ts';
import { clientOf } from './client-process.ts';
import type { Caller, Handlers } from './handlers.ts';

/** What calls are counted, listed and logged by. */
export interface CallDeps {
  readonly daemon: DaemonInfo;
  readonly operations: Operations;
  readonly place: Pick<StatePlace, 'check'>;
  /** What a call works on, told from its params. */
  readonly subjectOf: (params: unknown) => Subject | undefined;
  readonly log: Logger;
}

/** The operation of each call at work, for the text of its error. */
const operations = new WeakMap<CallContext, Operation>();

/** The method table as the transport takes it: each call validated, under an id of its own, timed and logged. */
export function methodTable(handlers: Handlers, deps: CallDeps): ReadonlyMap<string, Handler> {
  const calls = new Calls(handlers, deps);
  const names = Object.keys(handlers) as (keyof Handlers)[];
  return new Map(names.map((name) => [name, (params, context) => calls.serve(name, params, context)]));
}

class Calls {
  readonly #handlers: Handlers;
  readonly #deps: CallDeps;

  constructor(handlers: Handlers, deps: CallDeps) {
    this.#handlers = handlers;
    this.#deps = deps;
  }

  /** A call whose client waits for its answer, and cancels it by leaving. */
  serve(method: keyof Handlers, params: unknown, context: CallContext): Promise<unknown> {
    const { connection, signal } = context;
    const id = newOperationId();
    const operation: Operation = {
      ...{ id, method, signal, on: this.#subject(method, params) },
      progress: (event) => context.progress({ operation: id, ...event }),
    };
    operations.set(context, operation);
    return this.#run(operation, params, connection, context.progress);
  }

  /** A call that goes on when its client leaves. What it needs is checked before; what becomes of it, the operation tells. */
  #begin(method: string, params: unknown, connection: Connection): OperationView {
    if (!this.#has(method) || !isOperation(method))
      throw new BangerError('invalid_argument', `"${method}" is no method that can go on by itself.`);
    validate(method, params);
    const operation: Operation = {
      ...{ id: newOperationId(), method, on: this.#subject(method, params) },
      ...{ signal: new AbortController().signal, progress: () => undefined },
    };
    // Its failure is logged, and kept with the operation.
    this.#run(operation, params, connection).catch(() => undefined);
    return this.#deps.operations.show(operation.id);
  }

  /** `watch` sends events of another operation to the client; without it the operation is detached. */
  #run(
    operation: Operation,
    params: unknown,
    connection: Connection,
    watch?: CallContext['progress'],
  ): Promise<unknown> {
    const method = operation.method as keyof Handlers;
    const client = clientOf(connection);
    return runOperation(operation, () =>
      this.#deps.daemon.during(operation, () =>
        this.#logged(method, async () => {
          const valid = validate(method, params);
          this.#deps.place.check();
          const work = (signal: AbortSignal): Promise<unknown> =>
            this.#handle(method, valid, {
              ...{ signal, connection, gone: connection.closed, watch: watch ?? (() => undefined) },
              begin: (other, otherParams) => this.#begin(other, otherParams, connection),
            });
          if (!isOperation(method)) return work(operation.signal);
          const detached = watch === undefined;
          return this.#deps.operations.run(
            { ...operation, ...(client !== undefined && { client }), detached },
            work,
          );
        }),
      ),
    );
  }

  async #handle(method: keyof Handlers, params: unknown, caller: Caller): Promise<unknown> {
    const handler = this.#handlers[method] as (params: unknown, caller: Caller) => Promise<unknown>;
    try {
      return await handler(params, caller);
    } catch (thrown) {
      throw cancelledOr(thrown, caller.signal);
    }
  }

  async #logged(method: string, work: () => Promise<unknown>): Promise<unknown> {
    const { log } = this.#deps;
    const begun = performance.now();
    const ms = (): number => Math.round(performance.now() - begun);
    try {
      const result = await work();
      log.debug({ method, ms: ms() }, 'call');
      return result;
    } catch (thrown) {
      const error = toBangerError(thrown);
      const level = error.code === 'internal' ? 'error' : 'info';
      log[level](
        { method, ms: ms(), code: error.code, error: error.message, stack: bugStack(error) },
        'call failed',
      );
      throw error;
    }
  }

  #has(method: string): method is keyof Handlers {
    return Object.hasOwn(this.#handlers, method);
  }

  /** Only of those that are shown with it, as finding it may ask the database. */
  #subject(method: string, params: unknown): Subject | undefined {
    return isOperation(method) ? this.#deps.subjectOf(params) : undefined;
  }
}

/** Parameters in the shape that the contract gives; else `invalid_argument` with every fault named. */
function validate(method: MethodName, params: unknown): unknown {
  const result = methods[method].params.safeParse(params ?? {});
  if (result.success) return result.data;
  throw new BangerError('invalid_argument', `${method}: ${z.prettifyError(result.error)}`);
}

/** What ends because the signal fired is a cancellation, whatever it was called further down; who cancelled may have said so. */
function cancelledOr(thrown: unknown, signal: AbortSignal): BangerError {
  const error = toBangerError(thrown);
  if (!signal.aborted || (error.code !== 'internal' && error.code !== 'cancelled')) return error;
  if (isBangerError(signal.reason, 'cancelled')) return signal.reason;
  return error.code === 'cancelled'
    ? error
    : new BangerError('cancelled', 'The call was cancelled.', { cause: thrown });
}

/** Only a bug's stack is worth a log line; a client never sees one. */
function bugStack(error: BangerError): string | undefined {
  if (error.code !== 'internal') return undefined;
  return error.cause instanceof Error ? error.cause.stack : error.stack;
}

/** Errors as they go over the wire: code, message, hint, facts and the operation's id; no stack. */
export const mapError: ErrorMapper = (thrown, context) => {
  const operation = operations.get(context);
  return toRpcError(aboutSubject(toBangerError(thrown), operation?.on), operation?.id);
};

/** The hint that a code has for all speaks of a NAME, which is known here. */
function aboutSubject(error: BangerError, on: Subject | undefined): BangerError {
  const { code, message, hint, details, cause } = error;
  if (on === undefined || hint !== errorCodes[code].hint || !hint.includes('NAME')) return error;
  return new BangerError(code, message, { hint: hint.replaceAll('NAME', on.name), details, cause });
}
