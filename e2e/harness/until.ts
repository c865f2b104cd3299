import { setTimeout as sleep } from 'node:timers/promises';

/** A guest under emulation on a busy machine; what takes longer hangs. */
const DEADLINE_MS = 120_000;
const PAUSE_MS = 200;

/** Asks again and again until `look` has an answer; fails naming what was waited for. */
export async function until<T>(
  what: string | (() => string),
  look: () => Promise<T | undefined>,
  deadlineMs = DEADLINE_MS,
): Promise<T> {
  const end = Date.now() + deadlineMs;
  for (;;) {
    const answer = await look();
    if (answer !== undefined) return answer;
    if (Date.now() > end)
      throw new Error(
        `Waited ${deadlineMs / 1000} s in vain for ${typeof what === 'string' ? what : what()}.`,
      );
    await sleep(PAUSE_MS);
  }
}
