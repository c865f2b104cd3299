import type { BangerError } from '@banger/contract/error';
import { escapeLines } from './escape.ts';
import { paint } from './style.ts';

/** An error for a person: `error[code]: message`, and what to do next below. Text of guests and programs is escaped. */
export function errorText({ code, message, hint }: BangerError, colour: boolean): string {
  const painted = paint(colour);
  const first = `${painted('red', `error[${code}]:`)} ${indented(message)}`;
  return hint === '' ? first : `${first}\n${painted('cyan', 'hint:')} ${indented(hint)}`;
}

function indented(text: string): string {
  return escapeLines(text.trimEnd()).replaceAll('\n', '\n  ');
}
