import type { Clock } from '../host/clock.ts';
import type { Chore } from './background-loop.ts';
import type { Operations } from './operations.ts';

/** They are kept for an hour: a minute more is no matter. */
const PAUSE_MS = 60_000;

/** Drops operations that ended long ago, which nobody lists any more. */
export function finishedOperations(operations: Pick<Operations, 'pruneFinished'>, clock: Clock): Chore {
  return {
    name: 'finished operations',
    pauseMs: PAUSE_MS,
    run: async () => operations.pruneFinished(clock.now()),
  };
}
