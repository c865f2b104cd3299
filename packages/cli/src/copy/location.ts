import { quoted, usageError } from '../options/usage.ts';

/** Where a copy begins or ends. Paths are raw text (raw-text.ts) and absolute. */
export type Location =
  /** Standard input or output. */
  | { readonly kind: 'stream' }
  | { readonly kind: 'host'; readonly path: string }
  | { readonly kind: 'guest'; readonly vm: string; readonly path: string };

/** Where relative paths of a guest begin: the home of root, on the work disk. */
const GUEST_HOME = '/root';
/** A name, a colon, a path; a host's file with a colon in its name is written with a slash before it. */
const GUEST = /^([^:/]*):(.*)$/s;

/** `NAME:PATH`, `-`, or a path of this machine. */
export function parseLocation(word: string, cwd: string): Location {
  if (word === '-') return { kind: 'stream' };
  if (word === '') throw usageError('A path is empty.');
  const guest = GUEST.exec(word);
  if (guest === null) return { kind: 'host', path: below(cwd, word) };
  const [, vm = '', path = ''] = guest;
  if (vm === '')
    throw usageError(
      `${quoted(word)} names no VM.`,
      `Write NAME${word}, or ./${word} for a file of this machine.`,
    );
  return { kind: 'guest', vm, path: path === '' ? GUEST_HOME : below(GUEST_HOME, path) };
}

/** Nothing of the path is resolved: a slash or a dot at its end says something. */
function below(directory: string, path: string): string {
  if (path.startsWith('/')) return path;
  return directory.endsWith('/') ? `${directory}${path}` : `${directory}/${path}`;
}

/**
 * The name that what lies at a path has in a directory that it is copied into, as in `cp -r`; undefined where the path is the
 * directory that it ends in (`.`, `..`, `/`), so that what is in it is copied.
 */
export function nameOf(path: string): string | undefined {
  const name = path.replace(/\/+$/, '').split('/').at(-1);
  return name === undefined || name === '' || name === '.' || name === '..' ? undefined : name;
}
