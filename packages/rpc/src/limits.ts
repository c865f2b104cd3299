/** Longest line either side reads: far over any list of VMs, and what one connection may make its reader hold. */
export const MAX_LINE_BYTES = 4 * 1024 * 1024;

/** Calls at work at once on one connection, and messages in one batch: a program's fan-out, not a flood. */
export const MAX_CALLS = 64;

/** Longest string id: ids are echoed, so they must not grow answers over the line limit. */
export const MAX_ID_LENGTH = 256;

/** Bytes that wait for a client which does not read, at most; then it is cut off. Some of the largest answers fit. */
export const MAX_QUEUED_BYTES = 16 * 1024 * 1024;

/** Progress events kept for one call while its client does not read; older ones are dropped. */
export const MAX_HELD_EVENTS = 64;

/**
 * How long a connection whose client has left, or which we close, may still take to finish: its calls were told to
 * stop, and their undoing may still want to answer.
 */
export const CLOSE_GRACE_MS = 2_000;

/** How long the client side waits for the answer of a call it has cancelled: the other side first undoes its work. */
export const CANCEL_ANSWER_MS = 10_000;

/** How long an offered byte stream waits to be picked up: one round trip of the same program, on a loaded machine. */
export const STREAM_OFFER_MS = 10_000;

/** The limits of one connection, all of them optional; tests make them small. */
export interface Limits {
  readonly maxLineBytes: number;
  readonly maxCalls: number;
  readonly maxQueuedBytes: number;
  readonly maxHeldEvents: number;
  readonly closeGraceMs: number;
}

export const defaultLimits: Limits = {
  maxLineBytes: MAX_LINE_BYTES,
  maxCalls: MAX_CALLS,
  maxQueuedBytes: MAX_QUEUED_BYTES,
  maxHeldEvents: MAX_HELD_EVENTS,
  closeGraceMs: CLOSE_GRACE_MS,
};
