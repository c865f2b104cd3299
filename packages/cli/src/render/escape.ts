/**
 * Characters that a terminal could take for more than a letter: control and format characters (Unicode Cc, Cf;
 * among them ESC, the 8-bit CSI and the bidirectional overrides), line and paragraph separators, lone surrogates.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
const UNSAFE_BUT_NEWLINE = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** Such characters shown as `\x1b` or `\u{202e}`; the text stays on one line. */
export function escapeText(text: string): string {
  return text.replace(UNSAFE, shown);
}

/** The same for text of several lines: newlines stay. */
export function escapeLines(text: string): string {
  return text.replace(UNSAFE_BUT_NEWLINE, shown);
}

/** One unsafe character in a form that can be read. */
export function shown(character: string): string {
  if (character === '\n') return '\\n';
  if (character === '\t') return '\\t';
  if (character === '\r') return '\\r';
  const code = character.codePointAt(0) ?? 0;
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
}
