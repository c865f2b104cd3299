/** What `JSON.stringify` lets through although a terminal could act on it: DEL, the C1 controls, Unicode Cf, Zl, Zp. */
const UNSAFE = /[\x7f-\x9f\p{Cf}\p{Zl}\p{Zp}]/gu;

/** JSON in which no character can move a cursor or hide text; equal to the plain JSON for every reader. */
export function jsonText(value: unknown, indent = 0): string {
  const text = JSON.stringify(value, undefined, indent);
  return text.replace(UNSAFE, (character) =>
    [...Array(character.length).keys()]
      .map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}
