import { BangerError } from '@banger/contract/error';
import { rawBytes } from '@banger/contract/raw-text';

/** A text of the guest that is shown is cut here: names, versions and reasons are short, and nobody reads a novel. */
const MAX_TEXT_CHARACTERS = 1024;

const decoder = new TextDecoder('utf-8');

/**
 * Text sent by the guest, fit to be printed: invalid UTF-8, control characters (with them every terminal escape
 * sequence) and direction overrides become U+FFFD, and what is too long is cut.
 */
export function guestText(bytes: Uint8Array): string {
  const text = decoder.decode(bytes).replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
  return text.length <= MAX_TEXT_CHARACTERS ? text : `${text.slice(0, MAX_TEXT_CHARACTERS)}…`;
}

/** Text for the guest, as UTF-8 but for the bytes that raw text (raw-text.ts) holds. Throws `invalid_argument`, naming `what`, when it holds a NUL. */
export function wireBytes(text: string, what: string): Uint8Array {
  if (text.includes('\0')) throw new BangerError('invalid_argument', `The ${what} holds a NUL character.`);
  return rawBytes(text);
}
