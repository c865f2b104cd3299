import type { Progress } from '@banger/contract/progress';
import type { Clock } from '../clock.ts';

/** One of the things of a stage that are done side by side, as a layer. */
export interface Part {
  readonly name: string;
  readonly done: number;
  readonly total: number;
  /** On the monotonic clock. */
  readonly since: number;
}

/** A stage of a call: what is done, how far, and since when. */
export interface Stage {
  readonly name: string;
  readonly detail: string;
  readonly done?: number;
  readonly total?: number;
  readonly unit?: 'bytes' | 'steps';
  /** Those that are at work, in the order in which they began. */
  readonly parts?: readonly Part[];
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
    event: ({ level, stage, detail, done, total, unit, part, ms }) => {
      if (level !== 'stage') {
        listener[level](detail === undefined || detail === '' ? stage : `${stage}: ${detail}`);
        return;
      }
      if (current?.name !== stage) end();
      const now = clock.monotonic();
      current = {
        // The end of a stage says nothing of how far it came.
        ...(ms === undefined ? {} : current),
        name: stage,
        detail: detail ?? '',
        ...(done === undefined ? {} : { done }),
        ...(total === undefined ? {} : { total }),
        ...(unit === undefined ? {} : { unit }),
        parts: partsAtWork(current?.parts ?? [], part, now),
        since: current?.since ?? now,
      };
      if (ms === undefined) listener.changed(current);
      else end(ms);
    },
    end: () => end(),
  };
}

function partsAtWork(parts: readonly Part[], part: Progress['part'], now: number): readonly Part[] {
  if (part === undefined) return parts;
  const since = parts.find(({ name }) => name === part.name)?.since;
  const told = { ...part, since: since ?? now };
  const changed =
    since === undefined ? [...parts, told] : parts.map((each) => (each.name === part.name ? told : each));
  return changed.filter(({ done, total }) => done < total);
}
