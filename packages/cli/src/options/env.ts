import { quoted, usageError } from './usage.ts';

/** The name of a variable as POSIX shells take it (POSIX, 3.216). */
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** A variable of `--env`: with its value, or with that of this program's own environment. */
export type EnvWish = { readonly name: string; readonly value: string | undefined };

/** `--env NAME=value`, or `--env NAME` for the value that the variable has here. */
export function parseEnv(text: string, flag: string): EnvWish {
  const at = text.indexOf('=');
  const name = at < 0 ? text : text.slice(0, at);
  if (!NAME.test(name))
    throw usageError(`${flag} ${quoted(text)} has no valid name.`, 'Write it as NAME=value.');
  if (text.includes('\0')) throw usageError(`${flag} ${name} has a NUL character in its value.`);
  return { name, value: at < 0 ? undefined : text.slice(at + 1) };
}

/** The variables as `NAME=value`, the last of one name winning. A variable that is not set here is refused. */
export function resolveEnv(
  wishes: readonly EnvWish[],
  own: Readonly<Record<string, string | undefined>>,
): string[] {
  const values = new Map<string, string>();
  for (const { name, value } of wishes) {
    const found = value ?? own[name];
    if (found === undefined)
      throw usageError(`--env ${name}: it is not set here.`, `Write --env ${name}=value.`);
    values.set(name, found);
  }
  return [...values].map(([name, value]) => `${name}=${value}`);
}
