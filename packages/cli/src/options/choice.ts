import type { OptionParser } from '../command.ts';
import { quoted, usageError } from './usage.ts';

/** One of some words. */
export function parseChoice<const T extends string>(...choices: readonly T[]): OptionParser<T> {
  const parse = (value: string, flag: string): T => {
    const found = choices.find((choice) => choice === value);
    if (found !== undefined) return found;
    throw usageError(`${flag} ${quoted(value)} is not known.`, `Write one of: ${choices.join(', ')}.`);
  };
  return Object.assign(parse, { choices });
}

/** Any text but an empty one. */
export function parseText(value: string, flag: string): string {
  if (value === '') throw usageError(`${flag} is empty.`);
  return value;
}
