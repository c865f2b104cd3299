import type { ErrorObject } from './errors.ts';
import type { CallId } from './messages.ts';

/** One connection, the same object in all of its calls. */
export interface Connection {
  /** Unguessable, for logs and for keeping one client's things apart from another's. */
  readonly id: string;
  /** Fires once the client has left: it closed its side, or the connection broke. */
  readonly closed: AbortSignal;
  /** What handlers want to remember of this client. */
  readonly state: Map<string, unknown>;
}

/** What a handler knows of its call. */
export interface CallContext {
  /** As the client chose it; undefined for a notification. */
  readonly id: CallId | undefined;
  readonly method: string;
  /** Fires with a `CallCancelled` when the client cancels this call or leaves. */
  readonly signal: AbortSignal;
  /** Tells how far the call has come; never waits. Events of a call that has ended or has no id go nowhere. */
  progress(event: object): void;
  readonly connection: Connection;
}

/** Serves one method. What it returns is the result; what it throws goes through the peer's `mapError`. */
export type Handler = (params: unknown, context: CallContext) => Promise<unknown>;

/** Where a peer looks its methods up: a `Map`, or anything that finds a handler by name. */
export interface MethodTable {
  get(method: string): Handler | undefined;
}

/** Turns what a handler threw into the `error` member of the answer. */
export type ErrorMapper = (error: unknown, context: CallContext) => ErrorObject;
