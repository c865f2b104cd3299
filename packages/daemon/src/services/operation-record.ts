import type { BangerError } from '@banger/contract/error';
import type { OperationOutcome, OperationState, OperationView, Subject } from '@banger/contract/operation';
import type { Progress } from '@banger/contract/progress';
import type { Operation } from './operation.ts';

/** What an operation's method answered is kept up to this many characters of JSON; views of VMs and images have some thousand. */
const MAX_RESULT_LENGTH = 64 * 1024;

/** Progress of an operation, as its watchers get it. */
export type ProgressListener = (event: Progress) => void;

/** An operation as it is asked for. */
export interface OperationRequest extends Operation {
  /** Process of the client, where that is known. */
  readonly client?: number;
  readonly detached: boolean;
}

/** How an operation ended. */
export type OperationEnd =
  | { readonly state: 'done'; readonly result: unknown }
  | { readonly state: 'failed' | 'cancelled'; readonly error: BangerError };

/** One operation, from its beginning until it is forgotten. */
export class OperationRecord implements Operation {
  readonly id: string;
  readonly method: string;
  readonly on: Subject | undefined;
  readonly client: number | undefined;
  readonly detached: boolean;
  /** Fires when its client gives it up, or anybody cancels it. */
  readonly signal: AbortSignal;
  readonly progress: Operation['progress'];
  readonly startedAt: number;
  readonly #stop = new AbortController();
  readonly #listeners = new Set<ProgressListener>();
  readonly #ended = Promise.withResolvers<void>();
  #stage: Progress | undefined;
  #end: (OperationEnd & { readonly at: number }) | undefined;

  constructor(request: OperationRequest, startedAt: number) {
    this.id = request.id;
    this.method = request.method;
    this.on = request.on;
    this.client = request.client;
    this.detached = request.detached;
    this.startedAt = startedAt;
    this.signal = AbortSignal.any([request.signal, this.#stop.signal]);
    this.progress = (event) => {
      const told = { operation: this.id, ...event };
      if (event.level === 'stage' && event.ms === undefined) this.#stage = told;
      request.progress(event);
      for (const listener of this.#listeners) listener(told);
    };
  }

  /** Resolves when it has ended, its undo included. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** When it ended, in milliseconds since 1970; undefined while it is at work. */
  get endedAt(): number | undefined {
    return this.#end?.at;
  }

  get state(): OperationState {
    return this.#end?.state ?? 'running';
  }

  cancel(reason: BangerError): void {
    this.#stop.abort(reason);
  }

  end(end: OperationEnd, at: number): void {
    const tooLong = end.state === 'done' && (JSON.stringify(end.result) ?? '').length > MAX_RESULT_LENGTH;
    this.#end = { ...end, ...(tooLong && { result: undefined }), at };
    this.#ended.resolve();
  }

  /** Tells the stage that began last, then all that comes; the returned function ends it. */
  follow(listener: ProgressListener): () => void {
    if (this.#stage !== undefined) listener(this.#stage);
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  view(): OperationView {
    const { id, method, on, client, detached, state, startedAt, endedAt } = this;
    const { stage = '', detail = '', done, total, unit } = this.#stage ?? {};
    return {
      ...{
        id,
        method,
        ...(on && { on }),
        ...(client !== undefined && { client }),
        detached,
        state,
        stage,
        detail,
      },
      ...(done !== undefined && { done }),
      ...(total !== undefined && { total }),
      ...(unit !== undefined && { unit }),
      startedAt: new Date(startedAt).toISOString(),
      ...(endedAt !== undefined && { endedAt: new Date(endedAt).toISOString() }),
      ...(this.#end !== undefined && 'error' in this.#end && { error: errorView(this.#end.error) }),
    };
  }

  outcome(): OperationOutcome {
    const result = this.#end?.state === 'done' ? this.#end.result : undefined;
    return { ...this.view(), ...(result !== undefined && { result }) };
  }
}

/** What is kept and told of an error. */
export function errorView({ code, message, hint }: BangerError): NonNullable<OperationView['error']> {
  return { code, message, hint };
}
