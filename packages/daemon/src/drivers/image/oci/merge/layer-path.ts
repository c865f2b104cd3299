import { invalidImage, shownBytes } from '../invalid.ts';

/** The longest that Linux opens (PATH_MAX without its NUL), and the longest name that ext4 has. */
export const MAX_PATH_BYTES = 4095;
const MAX_NAME_BYTES = 255;
/** What stands before a name that is hidden. */
export const WHITEOUT = '.wh.';

/**
 * The place in the root file system that a name in a layer means: bytes, a byte a character, without slashes at its ends; '' is the root. An
 * absolute name is meant from that root, as all readers take it. Throws `image_invalid` for a name with `..`, and one that Linux cannot have.
 */
export function layerPath(name: Buffer): string {
  if (name.includes(0)) throw bad(name, 'has a NUL in it');
  const names = name
    .toString('latin1')
    .split('/')
    .filter((each) => each !== '' && each !== '.');
  if (names.includes('..')) throw bad(name, 'has the name .. in it');
  if (names.some((each) => each.length > MAX_NAME_BYTES + (each.startsWith(WHITEOUT) ? WHITEOUT.length : 0)))
    throw bad(name, `has a name of more than ${MAX_NAME_BYTES} bytes in it`);
  const path = names.join('/');
  if (path.length > MAX_PATH_BYTES) throw bad(name, `is longer than ${MAX_PATH_BYTES} bytes`);
  return path;
}

/** The directory that a path lies in; the root's is the root. */
export function parentOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0));
}

/** The last name of a path. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** A path below a directory. */
export function below(directory: string, name: string): string {
  return directory === '' ? name : `${directory}/${name}`;
}

/** The names of a path in order; none for the root. */
export function namesOf(path: string): string[] {
  return path === '' ? [] : path.split('/');
}

/** A path for a person. */
export function shownPath(path: string): string {
  return `/${shownBytes(Buffer.from(path, 'latin1'))}`;
}

function bad(name: Buffer, what: string): Error {
  return invalidImage(`A layer has the path "${shownBytes(name)}", which ${what}.`);
}
