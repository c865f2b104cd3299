import type { BangerError } from '@banger/contract/error';
import { escapeLines } from './escape.ts';
import { paint } from './style.ts';

/** An error for a person: `error[code]: message`, and below what to do next and its id in the daemon's log. Text of guests and programs is escaped. */
export function errorText({ code, message, hint, details }: BangerError, colour: boolean): string {
  const painted = paint(colour);
  const first = `${painted('red', `error[${code}]:`)} ${indented(message)}`;
  const { operation } = details;
  return [
    first,
    ...(hint === '' ? [] : [`${painted('cyan', 'hint:')} ${indented(hint)}`]),
    ...(typeof operation === 'string' ? [painted('dim', `operation: ${indented(operation)}`)] : []),
  ].join('\n');
}

function indented(text: string): string {
  return escapeLines(text.trimEnd()).replaceAll('\n', '\n  ');
}
