import { constants } from 'node:os';
import { BangerError } from '@banger/contract/error';

/** A signal's name from what a user writes: `SIGTERM`, `term` or `15`; else `invalid_argument`. */
export function parseSignal(text: string): NodeJS.Signals {
  const upper = text.toUpperCase();
  const names = Object.keys(constants.signals) as NodeJS.Signals[];
  const found = names.find(
    (name) => name === upper || name === `SIG${upper}` || String(constants.signals[name]) === text,
  );
  if (found !== undefined) return found;
  throw new BangerError(
    'invalid_argument',
    `"${text.replace(/\p{C}/gu, '?').slice(0, 40)}" is not a signal.`,
    {
      hint: 'Write a name such as TERM or KILL, or a number.',
    },
  );
}
