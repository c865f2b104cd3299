/** East Asian wide and full-width letters, and pictures: two columns (Unicode Standard Annex 11). */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\p{Emoji_Presentation}]/u;
const MARK = /\p{M}/u;
// oxlint-disable-next-line no-control-regex -- the colours that we write ourselves begin with ESC
const COLOUR = /\x1b\[[0-9;]*m/g;
const ASCII = /^[\x20-\x7e]*$/;

/** Columns that a text takes on a terminal; our own colours take none. */
export function widthOf(text: string): number {
  const plain = text.replace(COLOUR, '');
  if (ASCII.test(plain)) return plain.length;
  let width = 0;
  for (const letter of plain) width += columnsOf(letter);
  return width;
}

/** The beginning of an uncoloured text, in at most `columns`, with `…` where something was cut off. */
export function cut(text: string, columns: number): string {
  if (widthOf(text) <= columns) return text;
  let width = 0;
  let kept = '';
  for (const letter of text) {
    width += columnsOf(letter);
    if (width > columns - 1) break;
    kept += letter;
  }
  return columns < 1 ? '' : `${kept}…`;
}

/** The text with spaces behind it, up to `columns`. */
export function pad(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - widthOf(text)));
}

function columnsOf(letter: string): number {
  if (MARK.test(letter)) return 0;
  return WIDE.test(letter) ? 2 : 1;
}
