import { BangerError, toBangerError } from '@banger/contract/error';
import type { OperationOutcome, OperationView } from '@banger/contract/operation';
import type { Clock } from '../host/clock.ts';
import type { EventBus } from './events.ts';
import { runOperation } from './operation.ts';
import {
  errorView,
  OperationRecord,
  type OperationEnd,
  type OperationRequest,
  type ProgressListener,
} from './operation-record.ts';

/** An operation that ended this long ago is forgotten: who still asks for it has the log. */
const FINISHED_KEPT_MS = 60 * 60 * 1_000;
/** And the oldest of more than this many: a list that a person can read, with at most some MiB of results. */
const FINISHED_KEPT = 100;

/** The operations of this daemon: those at work, and those that ended a while ago. */
export class Operations {
  readonly #events: EventBus;
  readonly #clock: Clock;
  readonly #running = new Map<string, OperationRecord>();
  /** In the order of their ends. */
  readonly #finished = new Map<string, OperationRecord>();

  constructor(events: EventBus, clock: Clock) {
    this.#events = events;
    this.#clock = clock;
  }

  /** Runs `work` as an operation that can be listed, watched and cancelled; settles as `work` does, whose undo belongs to it. */
  async run<T>(request: OperationRequest, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const record = this.#begin(request);
    const begun = this.#clock.monotonic();
    const end = (how: OperationEnd): void => this.#end(record, how, this.#clock.monotonic() - begun);
    try {
      const result = await runOperation(record, () => work(record.signal));
      end({ state: 'done', result });
      return result;
    } catch (thrown) {
      const error = toBangerError(thrown);
      end({ state: error.code === 'cancelled' ? 'cancelled' : 'failed', error });
      throw thrown;
    }
  }

  /** Those at work, oldest first; with `all`, behind those that have ended. */
  list(all: boolean): OperationView[] {
    this.pruneFinished(this.#clock.now());
    const ended = all ? [...this.#finished.values()] : [];
    return [...ended, ...this.#running.values()].map((record) => record.view());
  }

  /** The operation of that id, or the only one whose id begins so; `operation_not_found`, `name_ambiguous`. */
  show(ref: string): OperationOutcome {
    return this.#resolve(ref).outcome();
  }

  /** Tells its latest stage and all that comes; resolves with what it came to. The signal ends only the watching. */
  async watch(ref: string, listener: ProgressListener, signal: AbortSignal): Promise<OperationOutcome> {
    const record = this.#resolve(ref);
    if (record.state !== 'running') return record.outcome();
    const unfollow = record.follow(listener);
    try {
      await untilEnded(record, signal);
    } finally {
      unfollow();
    }
    return record.outcome();
  }

  /**
   * Has a running operation end early and waits for its undo: the answer says whether it was cancelled after all, for some have
   * come too far. Refused with `operation_ended`. The signal ends only the waiting.
   */
  async cancel(ref: string, signal: AbortSignal): Promise<OperationOutcome> {
    const record = this.#resolve(ref);
    if (record.state !== 'running')
      throw new BangerError(
        'operation_ended',
        `Operation ${record.id} (${record.method}) is ${record.state} already.`,
        {
          details: { state: record.state },
        },
      );
    record.cancel(new BangerError('cancelled', 'It was cancelled by `banger operation cancel`.'));
    await untilEnded(record, signal);
    return record.outcome();
  }

  /** Cancels all that are at work; for the daemon's end, which clients alone do not bring to those that go on without them. */
  cancelAll(reason: string): void {
    for (const record of this.#running.values()) record.cancel(new BangerError('cancelled', reason));
  }

  /** Forgets operations that ended long before `now`, milliseconds since 1970. */
  pruneFinished(now: number): void {
    for (const [id, { endedAt = now }] of this.#finished)
      if (now - endedAt >= FINISHED_KEPT_MS) this.#finished.delete(id);
  }

  #begin(request: OperationRequest): OperationRecord {
    const record = new OperationRecord(request, this.#clock.now());
    const { id, method, on, client, detached } = record;
    this.#running.set(id, record);
    this.#events.tell({
      ...{ event: 'operation.begun', operation: id, method },
      ...(on && { on }),
      ...(client !== undefined && { client }),
      detached,
    });
    return record;
  }

  #end(record: OperationRecord, end: OperationEnd, ms: number): void {
    const { id, method, on } = record;
    record.end(end, this.#clock.now());
    this.#running.delete(id);
    this.#finished.set(id, record);
    const [oldest] = this.#finished.keys();
    if (this.#finished.size > FINISHED_KEPT && oldest !== undefined) this.#finished.delete(oldest);
    this.#events.tell({
      ...{ event: 'operation.ended', operation: id, method },
      ...(on && { on }),
      ...{ state: end.state, ms: Math.round(ms) },
      ...('error' in end && { error: errorView(end.error) }),
    });
  }

  #resolve(ref: string): OperationRecord {
    const exact = this.#running.get(ref) ?? this.#finished.get(ref);
    if (exact !== undefined) return exact;
    const matches = [...this.#running.values(), ...this.#finished.values()].filter(({ id }) =>
      id.startsWith(ref),
    );
    const [only, ...more] = matches;
    if (only === undefined)
      throw new BangerError('operation_not_found', `There is no operation ${ref}.`, {
        details: { operation: ref },
      });
    if (more.length === 0) return only;
    const ids = matches.map(({ id }) => id);
    throw new BangerError('name_ambiguous', `"${ref}" matches ${ids.join(', ')}.`, {
      details: { matches: ids },
    });
  }
}

/** Resolves at the operation's end; rejects with `cancelled` when the signal fires first. */
async function untilEnded(record: OperationRecord, signal: AbortSignal): Promise<void> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = (): void =>
    reject(new BangerError('cancelled', 'The wait for the operation was cancelled.'));
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    await Promise.race([record.ended, promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
