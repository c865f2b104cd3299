import { escapeLines } from '../render/escape.ts';
import type { Reporter } from './reporter.ts';

/** For `-q`: warnings alone. */
export function quietReporter({ write }: { write: (text: string) => void }): Reporter {
  const line = (text: string): void => write(`${text}\n`);
  const warning = (text: string): void => line(`warning: ${escapeLines(text)}`);
  return {
    follow: () => ({
      progress: ({ level, stage, detail }) => {
        if (level === 'warning') warning(detail === undefined ? stage : `${stage}: ${detail}`);
      },
      end: () => {},
    }),
    notice: () => {},
    warning,
    line,
    clear: () => {},
  };
}
