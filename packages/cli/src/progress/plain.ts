import type { Clock } from '../clock.ts';
import { escapeLines } from '../render/escape.ts';
import type { Reporter } from './reporter.ts';
import { endedText, stageText } from './stage-text.ts';
import { stageTracker, type Stage } from './stages.ts';

/** A stage of minutes says that it is at work now and then, so that nobody takes a quiet log for a hang. */
const HEARTBEAT_MS = 30_000;
/** A call that tells no stages gets a line of its own when a person would have noticed its time. */
const NOTICEABLE_MS = 1_000;

/** For pipes and files: a line for each stage that is over, with its time. */
export function plainReporter({ write, clock }: { write: (text: string) => void; clock: Clock }): Reporter {
  const line = (text: string): void => write(`${text}\n`);
  const notice = (text: string): void => line(escapeLines(text));
  const warning = (text: string): void => line(`warning: ${escapeLines(text)}`);
  return {
    follow: (label, { handsOver } = { handsOver: false }) => {
      const begun = clock.monotonic();
      let stage: Stage = { name: label, detail: '', since: begun };
      let told = false;
      let over = false;
      const tracker = stageTracker(clock, {
        changed: (changed) => {
          told = true;
          stage = changed;
        },
        ended: (ended, ms) => {
          told = true;
          line(endedText(ended, ms));
        },
        notice,
        warning,
      });
      const stopHeartbeat = clock.every(HEARTBEAT_MS, () => {
        const now = clock.monotonic();
        if (now - stage.since >= HEARTBEAT_MS) line(`${stageText(stage, now)} …`);
      });
      return {
        progress: tracker.event,
        end: () => {
          if (over) return;
          over = true;
          stopHeartbeat();
          tracker.end();
          const ms = clock.monotonic() - begun;
          if (!told && !handsOver && ms >= NOTICEABLE_MS) line(endedText(stage, ms));
        },
      };
    },
    notice,
    warning,
    line,
    clear: () => {},
  };
}
