import { readFileSync } from 'node:fs';
import { rawText } from '@banger/contract/raw-text';

/** What Node makes of every byte that is not UTF-8. */
const REPLACEMENT = '\ufffd';

/**
 * The program's arguments with every byte that they had, as raw text (raw-text.ts): Node replaces what is not UTF-8. The kernel's
 * copy is looked at only when something may have been replaced. `cmdline` is that copy, proc_pid_cmdline(5).
 */
export function rawArguments(argv: readonly string[], cmdline = '/proc/self/cmdline'): readonly string[] {
  if (!argv.some((word) => word.includes(REPLACEMENT))) return argv;
  const words = nulEnded(readFileSync(cmdline));
  return words.slice(words.length - argv.length);
}

/** The same for variables, proc_pid_environ(5). */
export function rawEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  environ = '/proc/self/environ',
): Readonly<Record<string, string | undefined>> {
  const replaced = Object.entries(env).filter(([, value]) => value?.includes(REPLACEMENT) === true);
  if (replaced.length === 0) return env;
  const begun = new Map(
    nulEnded(readFileSync(environ)).map((entry) => {
      const at = entry.indexOf('=');
      return [entry.slice(0, at), entry.slice(at + 1)];
    }),
  );
  return { ...env, ...Object.fromEntries(replaced.map(([name, value]) => [name, begun.get(name) ?? value])) };
}

/** Strings that each end with a NUL, the last one too. */
function nulEnded(bytes: Buffer): string[] {
  const words: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = bytes.indexOf(0, at);
    words.push(rawText(bytes.subarray(at, end < 0 ? undefined : end)));
    at = end < 0 ? bytes.length : end + 1;
  }
  return words;
}
