import type { OptionRows } from '../command.ts';

/** Flags that every command has. */
export const commonRows = {
  json: {
    flags: '--json',
    text: 'results as JSON; progress, notices and errors as JSON lines on standard error',
  },
  quiet: { flags: '-q, --quiet', text: 'no progress and no notices; of lists, names only' },
} as const satisfies OptionRows;
