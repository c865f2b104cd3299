import { BangerError } from './error.ts';

/**
 * Linux names, arguments and variables are bytes; JSON and JavaScript have text. Bytes that are not UTF-8 travel as the lone
 * surrogates U+DC80 to U+DCFF, one a byte (as in Python, PEP 383), which no valid UTF-8 decodes to: text to bytes and back is exact.
 */
const ESCAPE = 0xdc00;
const FIRST_ESCAPED = 0x80;
const LAST_ESCAPED = 0xff;

/** The byte order mark is text as any other. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** Any bytes as text. */
export function rawText(bytes: Uint8Array): string {
  const whole = decoded(bytes);
  if (whole !== undefined) return whole;
  let text = '';
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes[at] ?? 0);
    const character = length === 0 ? undefined : decoded(bytes.subarray(at, at + length));
    text += character ?? String.fromCharCode(ESCAPE + (bytes[at] ?? 0));
    at += character === undefined ? 1 : length;
  }
  return text;
}

/** The bytes of a text. Throws `invalid_argument` for a lone surrogate that stands for no byte. */
export function rawBytes(text: string): Uint8Array {
  if (text.isWellFormed()) return encoder.encode(text);
  return Buffer.concat(
    Array.from(text, (character) => {
      if (character.isWellFormed()) return encoder.encode(character);
      const byte = character.charCodeAt(0) - ESCAPE;
      if (byte < FIRST_ESCAPED || byte > LAST_ESCAPED)
        throw new BangerError(
          'invalid_argument',
          'A text has half a surrogate pair, which stands for nothing.',
        );
      return Uint8Array.of(byte);
    }),
  );
}

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Bytes of the UTF-8 sequence that begins with this one (RFC 3629); 0 when none does. */
function sequenceLength(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  if (first < 0xe0) return 2;
  return first < 0xf0 ? 3 : 4;
}
