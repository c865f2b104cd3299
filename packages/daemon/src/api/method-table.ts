import { BangerError, toBangerError } from '@banger/contract/error';
import { methods, type MethodName } from '@banger/contract/methods';
import { toRpcError } from '@banger/contract/rpc-error';
import type { CallContext, ErrorMapper, Handler } from '@banger/rpc/handler';
import type { Logger } from 'pino';
import { z } from 'zod';
import type { DaemonInfo } from '../services/daemon-info.ts';
import { newOperationId, runOperation, type Operation } from '../services/operation.ts';
import type { Caller, Handlers } from './handlers.ts';

/** The operation of each call at work, for the text of its error. */
const operations = new WeakMap<CallContext, Operation>();

/** The method table as the transport takes it: each call validated, an operation of its own, timed and logged. */
export function methodTable(
  handlers: Handlers,
  daemon: DaemonInfo,
  log: Logger,
): ReadonlyMap<string, Handler> {
  const names = Object.keys(handlers) as (keyof Handlers)[];
  return new Map(
    names.map((name) => [name, (params, context) => call(name, handlers, params, context, daemon, log)]),
  );
}

async function call(
  method: keyof Handlers,
  handlers: Handlers,
  params: unknown,
  context: CallContext,
  daemon: DaemonInfo,
  log: Logger,
): Promise<unknown> {
  const operation: Operation = {
    id: newOperationId(),
    method,
    signal: context.signal,
    progress: (event) => context.progress({ operation: operation.id, ...event }),
  };
  operations.set(context, operation);
  return runOperation(operation, () =>
    daemon.during(operation, async () => {
      const begun = performance.now();
      const ms = (): number => Math.round(performance.now() - begun);
      try {
        const handler = handlers[method] as (params: unknown, caller: Caller) => Promise<unknown>;
        const result = await handler(validate(method, params), {
          signal: context.signal,
          gone: context.connection.closed,
        });
        log.debug({ method, ms: ms() }, 'call');
        return result;
      } catch (thrown) {
        const error = cancelledOr(thrown, context.signal);
        const level = error.code === 'internal' ? 'error' : 'info';
        log[level](
          { method, ms: ms(), code: error.code, error: error.message, stack: bugStack(error) },
          'call failed',
        );
        throw error;
      }
    }),
  );
}

/** Parameters in the shape that the contract gives; else `invalid_argument` with every fault named. */
function validate(method: MethodName, params: unknown): unknown {
  const result = methods[method].params.safeParse(params ?? {});
  if (result.success) return result.data;
  throw new BangerError('invalid_argument', `${method}: ${z.prettifyError(result.error)}`);
}

/** What ends because the caller cancelled or left is a cancellation, whatever it was called further down. */
function cancelledOr(thrown: unknown, signal: AbortSignal): BangerError {
  const error = toBangerError(thrown);
  return signal.aborted && error.code === 'internal'
    ? new BangerError('cancelled', 'The call was cancelled.', { cause: thrown })
    : error;
}

/** Only a bug's stack is worth a log line; a client never sees one. */
function bugStack(error: BangerError): string | undefined {
  if (error.code !== 'internal') return undefined;
  return error.cause instanceof Error ? error.cause.stack : error.stack;
}

/** Errors as they go over the wire: code, message, hint, facts and the operation's id; no stack. */
export const mapError: ErrorMapper = (thrown, context) =>
  toRpcError(toBangerError(thrown), operations.get(context)?.id);
