import { BangerError } from '@banger/contract/error';
import type { Clock } from '../clock.ts';
import { cancelled, TemporaryFailure, type HostFailed } from './failure.ts';
import type { HttpLimits } from './limits.ts';
import { header, type Answer } from './transport.ts';

/** How a work is tried again. */
export interface RetryOptions {
  readonly clock: Clock;
  readonly limits: HttpLimits;
  readonly signal: AbortSignal;
  /** How many bytes have come, over all tries: who gets on has not failed in a row. */
  readonly bytes?: () => number;
}

/** Works until it succeeds or fails for good; waits longer after each temporary failure, or as long as the server asks. */
export async function retrying<T>(
  work: () => Promise<T>,
  { clock, limits, signal, bytes = () => 0 }: RetryOptions,
): Promise<T> {
  let failures = 0;
  for (let before = bytes(); ; before = bytes()) {
    try {
      return await work();
    } catch (thrown) {
      if (!(thrown instanceof TemporaryFailure)) throw thrown;
      failures = bytes() - before >= limits.progressBytes ? 1 : failures + 1;
      if (failures > limits.retries) throw thrown.error;
      const waitMs = thrown.waitMs ?? backOff(failures, limits);
      if (waitMs > limits.longestWaitMs) throw patience(thrown, waitMs);
      await clock.sleep(waitMs, signal);
    }
  }
}

/** What may be over when it is tried again (RFC 9110, 15.5.9, 15.6; RFC 6585, 4). */
const TEMPORARY = new Set([408, 429, 500, 502, 503, 504]);

/** A failure for an answer with this status: a temporary one, with the wait that it asks for, where it may be over soon. */
export function statusFailure(
  answer: Answer,
  error: BangerError,
  now: number,
): BangerError | TemporaryFailure {
  return TEMPORARY.has(answer.status) ? new TemporaryFailure(error, retryAfterMs(answer, now)) : error;
}

/** Milliseconds that `Retry-After` asks for (RFC 9110, 10.2.3); undefined when it is absent or no answer. */
function retryAfterMs(answer: Answer, now: number): number | undefined {
  const value = header(answer, 'retry-after')?.trim() ?? '';
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1_000;
  const date = value.endsWith('GMT') ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

/** The longest that a timer of Node can have; a longer one would be over at once. */
const MOST_TIMER_MS = 2 ** 31 - 1;

/** Work with an end: the host has `failed` when it is not done after `ms`; `cancelled` when the caller's signal fires. */
export async function within<T>(
  ms: number,
  { host, failed }: { readonly host: string; readonly failed: HostFailed },
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const deadline = AbortSignal.timeout(Math.min(Math.ceil(ms), MOST_TIMER_MS));
  try {
    return await work(AbortSignal.any([signal, deadline]));
  } catch (error) {
    if (signal.aborted) throw cancelled(error);
    if (deadline.aborted) throw failed(host, `took longer than ${Math.ceil(ms / 1_000)} s`, { cause: error });
    throw error;
  }
}

/** Doubled each time, and up to half of it less, so that clients that failed together do not come back together. */
function backOff(failures: number, { firstWaitMs, longestWaitMs }: HttpLimits): number {
  return Math.min(firstWaitMs * 2 ** (failures - 1), longestWaitMs) * (1 - Math.random() / 2);
}

function patience({ error }: TemporaryFailure, waitMs: number): BangerError {
  const seconds = Math.ceil(waitMs / 1_000);
  return new BangerError(error.code, error.message, {
    cause: error,
    hint: `It asks to be left alone for ${seconds} s; a login may have a higher limit.`,
    details: { ...error.details, retryAfterSeconds: seconds },
  });
}
