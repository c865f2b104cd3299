import { BangerError } from '@banger/contract/error';
import { escapeText } from '../render/escape.ts';

/** Longest piece of a wrong value that a message repeats. */
const LONGEST_SHOWN = 80;

/** An error of the command line; exit status 2. */
export function usageError(message: string, hint?: string): BangerError {
  return new BangerError('usage', message, hint === undefined ? {} : { hint });
}

/** A wrong value in quotes, so that it can be repeated in a message. */
export function quoted(value: string): string {
  const text = escapeText(value);
  return `"${text.length > LONGEST_SHOWN ? `${text.slice(0, LONGEST_SHOWN)}…` : text}"`;
}
