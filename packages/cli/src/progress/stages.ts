import type { Progress } from '@banger/contract/progress';
import type { Clock } from '../clock.ts';

/** A stage of a call: what is done, how far, and since when. */
export interface Stage {
  readonly name: string;
  readonly detail: string;
  readonly done?: number;
  readonly total?: number;
  readonly unit?: 'bytes' | 'steps';
  /** On the monotonic clock. */
  readonly since: number;
}

/** What is told of stages. */
export interface StageListener {
  changed(stage: Stage): void;
  ended(stage: Stage, ms: number): void;
  notice(text: string): void;
  warning(text: string): void;
}

/**
 * A stage that another takes over from sooner than this is the one around it: it is told when its own end comes, and
 * not now, with no time at all.
 */
const AROUND_MS = 50;

/** Turns the progress events of one call into stages: a new stage, or the end of the call, ends the one before. */
export function stageTracker(
  clock: Clock,
  listener: StageListener,
): { event(event: Progress): void; end(): void } {
  let current: Stage | undefined;
  const end = (ms?: number): void => {
    if (current === undefined) return;
    const ended = current;
    current = undefined;
    const took = ms ?? clock.monotonic() - ended.since;
    if (ms !== undefined || took >= AROUND_MS) listener.ended(ended, took);
  };
  return {
    event: ({ level, stage, detail, done, total, unit, ms }) => {
      if (level !== 'stage') {
        listener[level](detail === undefined || detail === '' ? stage : `${stage}: ${detail}`);
        return;
      }
      if (current?.name !== stage) end();
      current = {
        // The end of a stage says nothing of how far it came.
        ...(ms === undefined ? {} : current),
        name: stage,
        detail: detail ?? '',
        ...(done === undefined ? {} : { done }),
        ...(total === undefined ? {} : { total }),
        ...(unit === undefined ? {} : { unit }),
        since: current?.since ?? clock.monotonic(),
      };
      if (ms === undefined) listener.changed(current);
      else end(ms);
    },
    end: () => end(),
  };
}
