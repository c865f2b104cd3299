import { setTimeout as sleep } from 'node:timers/promises';

/** A guest under emulation on a busy machine; what takes longer hangs. */
const DEADLINE_MS = 120_000;
/** The first pause; what has just begun is often over at once. The next ones are as long as what has been waited already. */
const FIRST_PAUSE_MS = 20;
const PAUSE_MS = 200;
/**
 * A look may be a command line of its own, which takes from the guest the time that it needs to boot: what has been waited for long is
 * looked at less often, so that this part of the wait at most is added to it.
 */
const PAUSE_SHARE = 0.1;

/** Asks again and again until `look` has an answer; fails naming what was waited for. */
export async function until<T>(
  what: string | (() => string),
  look: () => Promise<T | undefined>,
  deadlineMs = DEADLINE_MS,
): Promise<T> {
  const begun = Date.now();
  for (;;) {
    const answer = await look();
    if (answer !== undefined) return answer;
    const waitedMs = Date.now() - begun;
    if (waitedMs > deadlineMs)
      throw new Error(
        `Waited ${deadlineMs / 1000} s in vain for ${typeof what === 'string' ? what : what()}.`,
      );
    const pauseMs = Math.min(PAUSE_MS, Math.max(FIRST_PAUSE_MS, waitedMs));
    await sleep(Math.max(pauseMs, waitedMs * PAUSE_SHARE));
  }
}
