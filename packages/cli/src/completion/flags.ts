import type { OptionRow } from '../command.ts';

/** The flags of an option, and what its value is called. */
export interface Flags {
  readonly row: OptionRow<unknown>;
  readonly long: string;
  readonly short: string | undefined;
  /** As `image` of `--image <image>`; empty when it takes no value. */
  readonly placeholder: string;
}

/** Reads flags in commander's notation, as `-s, --signal <signal>`. */
export function flagsOf(row: OptionRow<unknown>): Flags {
  const words = row.flags.split(/[ ,]+/);
  return {
    row,
    long: words.find((word) => word.startsWith('--')) ?? '',
    short: words.find((word) => /^-[^-]$/.test(word)),
    placeholder: placeholderOf(words.find((word) => /^[<[]/.test(word)) ?? ''),
  };
}

/** `names` of `<names...>`. */
export function placeholderOf(word: string): string {
  return word.replace(/^[<[]|\.{3}|[\]>]$/g, '');
}
