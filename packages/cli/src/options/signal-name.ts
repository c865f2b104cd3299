import { constants } from 'node:os';
import { quoted, usageError } from './usage.ts';

/** `--signal`: `TERM`, `SIGTERM`, `sigterm` or `15`, as `SIGTERM`. */
export function parseSignalName(value: string, flag: string): string {
  const known = Object.entries(constants.signals);
  const upper = value.toUpperCase();
  const wanted = upper.startsWith('SIG') ? upper : `SIG${upper}`;
  const found = known.find(
    ([name, number]) => name === wanted || (/^\d+$/.test(value) && number === Number(value)),
  );
  if (found === undefined)
    throw usageError(`${flag} ${quoted(value)} is not a signal.`, 'Write it as TERM, KILL or 9.');
  return found[0];
}
