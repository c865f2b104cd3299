import { jsonText } from '../render/json.ts';
import type { Reporter } from './reporter.ts';

/**
 * For `--json`: one JSON object a line, with exactly one key, which names its kind: `progress` (an event as the daemon
 * sent it), `notice`, `warning`, or `error`. `quiet` leaves out progress and notices.
 */
export function jsonReporter({ write, quiet }: { write: (text: string) => void; quiet: boolean }): Reporter {
  const line = (text: string): void => write(`${text}\n`);
  return {
    follow: () => ({
      progress: (event) => {
        if (!quiet || event.level === 'warning') line(jsonText({ progress: event }));
      },
      end: () => {},
    }),
    notice: (text) => {
      if (!quiet) line(jsonText({ notice: text }));
    },
    warning: (text) => line(jsonText({ warning: text })),
    line,
    clear: () => {},
  };
}
