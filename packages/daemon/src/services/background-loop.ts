import { toBangerError } from '@banger/contract/error';
import type { Logger } from 'pino';
import type { Clock } from '../host/clock.ts';
import { inBackground } from './background.ts';

/** Something that the daemon does by itself, again and again. */
export interface Chore {
  /** As it stands in the log. */
  readonly name: string;
  /** From the end of one round to the beginning of the next, in milliseconds. */
  readonly pauseMs: number;
  /** One round. The signal fires when the daemon ends, which does not wait for it. */
  run(signal: AbortSignal): Promise<unknown>;
}

/**
 * Does each chore at its own pace, side by side, one round of it at a time, until the signal fires. A round that fails is told in the log
 * and is not the last one. Chores are nobody's call: they do not keep the daemon busy.
 */
export function startChores(
  chores: readonly Chore[],
  { clock, log }: { readonly clock: Clock; readonly log: Logger },
  signal: AbortSignal,
): void {
  for (const { name, pauseMs, run } of chores)
    inBackground(
      log,
      name,
      async () => {
        for (;;) {
          await clock.sleep(pauseMs, signal);
          try {
            await run(signal);
          } catch (thrown) {
            if (!signal.aborted)
              log.warn({ chore: name, error: toBangerError(thrown).message }, 'chore failed');
          }
        }
      },
      signal,
    );
}
