import { shownBytes } from '../invalid.ts';

/** Names for a person: a stranger can name as many as he likes. */
export function shownNames(names: readonly string[]): string {
  const most = 10;
  const shown = names.slice(0, most).map((name) => shownBytes(Buffer.from(name)));
  return shown.join(', ') + (names.length > most ? ' and more' : '');
}
