import type { Clock } from '../clock.ts';
import { escapeLines } from '../render/escape.ts';
import type { Paint } from '../render/style.ts';
import { cut } from '../render/width.ts';
import type { Reporter } from './reporter.ts';
import { partTexts } from './part-text.ts';
import { endedText, stageText } from './stage-text.ts';
import { stageTracker, type Stage } from './stages.ts';

/** Ten a second look smooth and cost nothing. */
const REDRAW_MS = 100;
/** Calls that are over sooner show nothing: a line that flashes tells nobody anything. */
const QUIET_START_MS = 200;
/** Stages that took longer leave a line behind. */
const NOTICEABLE_MS = 1_000;
/** To the left edge, and everything up to the right one erased. */
const ERASE = '\r\x1b[2K';
/** The same of the line above. */
const ERASE_ABOVE = '\x1b[1A\x1b[2K';

/** What the live reporter writes to. */
interface LiveOptions {
  readonly write: (text: string) => void;
  readonly clock: Clock;
  /** Columns of the terminal, asked each time because it may change. */
  readonly width: () => number;
  /** Lines of the terminal, likewise. */
  readonly height: () => number;
  readonly paint: Paint;
}

/**
 * For a terminal: a line, redrawn, that tells what is being done, how far it is and how long it takes; below it one with a bar for
 * each of its parts that are at work.
 */
export function liveReporter({ write, clock, width, height, paint }: LiveOptions): Reporter {
  const tasks = new Map<object, Stage>();
  let shown = '';
  let stopTicking: (() => void) | undefined;
  let quietUntil = 0;

  const erase = (): void => {
    if (shown !== '') write(erasing(shown));
    shown = '';
  };
  const draw = (): void => {
    const now = clock.monotonic();
    const newest = [...tasks.values()].at(-1);
    if (newest === undefined || now < quietUntil) return;
    const others = tasks.size > 1 ? `(${tasks.size} at work) ` : '';
    // The last column stays free: some terminals wrap as soon as it is written. What has scrolled away cannot be erased.
    const columns = width() - 1;
    const bars = partTexts(newest, now, columns).slice(0, Math.max(0, height() - 2));
    const text = [cut(others + stageText(newest, now), columns), ...bars].join('\n');
    if (text === shown) return;
    write(`${erasing(shown)}${text}`);
    shown = text;
  };
  const line = (text: string): void => {
    erase();
    write(`${text}\n`);
  };
  const notice = (text: string): void => line(escapeLines(text));
  const warning = (text: string): void => line(`${paint('yellow', 'warning:')} ${escapeLines(text)}`);

  return {
    follow: (label) => {
      const key = {};
      if (tasks.size === 0) {
        quietUntil = clock.monotonic() + QUIET_START_MS;
        stopTicking = clock.every(REDRAW_MS, draw);
      }
      tasks.set(key, { name: label, detail: '', since: clock.monotonic() });
      const tracker = stageTracker(clock, {
        changed: (stage) => {
          tasks.delete(key);
          tasks.set(key, stage);
        },
        ended: (stage, ms) => {
          if (ms >= NOTICEABLE_MS) line(paint('dim', endedText(stage, ms)));
        },
        notice,
        warning,
      });
      return {
        progress: tracker.event,
        end: () => {
          if (!tasks.has(key)) return;
          tracker.end();
          tasks.delete(key);
          if (tasks.size > 0) return;
          stopTicking?.();
          erase();
        },
      };
    },
    notice,
    warning,
    line,
    clear: erase,
  };
}

/** What takes these lines away when the cursor is behind them. */
function erasing(shown: string): string {
  return ERASE + ERASE_ABOVE.repeat(shown.split('\n').length - 1);
}
