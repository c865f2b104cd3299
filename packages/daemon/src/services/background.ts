import { toBangerError } from '@banger/contract/error';
import type { Logger } from 'pino';
import { runDetached } from './operation.ts';

/**
 * Starts work that nobody waits for, on nobody's behalf: what it throws goes to the log, naming what it was. Once `until` has fired,
 * nothing is said: what it worked for is gone.
 */
export function inBackground(
  log: Logger,
  what: string,
  work: () => Promise<unknown>,
  until?: AbortSignal,
): void {
  runDetached(() => {
    work().catch((error: unknown) => {
      if (until?.aborted !== true)
        log.warn({ what, error: toBangerError(error).message }, 'background work failed');
    });
  });
}
