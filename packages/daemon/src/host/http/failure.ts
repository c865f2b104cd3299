import { BangerError } from '@banger/contract/error';

/** A failure that may be over when it is tried again. */
export class TemporaryFailure extends Error {
  /** What the caller is told when it is not. */
  readonly error: BangerError;
  /** Milliseconds that the server asked to wait; undefined when it did not say. */
  readonly waitMs: number | undefined;

  constructor(error: BangerError, waitMs?: number) {
    super(error.message, { cause: error });
    this.error = error;
    this.waitMs = waitMs;
  }
}

/** What may go with a failure. */
export interface FailureOptions {
  readonly hint?: string;
  readonly cause?: unknown;
}

/** Makes the error for a host and what it did, as the rest of a sentence: whoever asks says what the host is to him. */
export type HostFailed = (host: string, what: string, options?: FailureOptions) => BangerError;

/** The error for a call that its caller has given up. */
export function cancelled(cause?: unknown): BangerError {
  return new BangerError('cancelled', 'The call was cancelled.', { cause });
}

/** Where an address leads, without what it may carry: storage hosts put signatures into the query. */
export function shownUrl({ origin, pathname }: URL): string {
  const path = pathname.length > 200 ? `${pathname.slice(0, 200)}…` : pathname;
  return `${origin}${path}`;
}
