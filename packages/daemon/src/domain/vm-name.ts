import { BangerError } from '@banger/contract/error';

/** A DNS label (RFC 1123, section 2.1) in lower case: 1-63 of a-z 0-9 -, no hyphen at either end. */
const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** Refuses a name that is no DNS label with `name_invalid`; a name is never rewritten. */
export function checkVmName(name: string): string {
  if (LABEL.test(name)) return name;
  throw new BangerError('name_invalid', `"${printable(name)}" is not a VM name.`, { details: { name } });
}

/** At most 80 characters of it, with control characters shown as `?`: it goes into a message. */
function printable(text: string): string {
  const clean = text.replace(/\p{C}/gu, '?');
  return clean.length > 80 ? `${clean.slice(0, 80)}…` : clean;
}

const CONSONANTS = 'bdfgklmnprstvz';
const VOWELS = 'aeiou';

/**
 * A pronounceable name such as `tamibo`: three syllables, 343,000 of them.
 * `random` gives integers from 0 to below its argument.
 */
export function generateVmName(random: (below: number) => number): string {
  let name = '';
  for (let syllable = 0; syllable < 3; syllable += 1) {
    name += CONSONANTS.charAt(random(CONSONANTS.length)) + VOWELS.charAt(random(VOWELS.length));
  }
  return name;
}
