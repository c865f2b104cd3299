import { invalidImage } from '../invalid.ts';
import { WHITEOUT, below, nameOf, namesOf, parentOf, shownPath } from './layer-path.ts';

/** Names of AUFS's own; all but one mean nothing elsewhere (image-spec, layer.md, "Whiteouts"). */
const META = '.wh..wh.';
const OPAQUE = '.wh..wh..opq';

/** What an entry's path says: `entry` that it is one, `whiteout` and `opaque` what is hidden in the layers below. */
export type Marked =
  | { readonly kind: 'entry' | 'nothing' }
  | { readonly kind: 'whiteout' | 'opaque'; readonly path: string };

/** Tells whiteouts from entries. Throws `image_invalid` for a whiteout of nothing, and for what lies below a whiteout. */
export function markedBy(path: string): Marked {
  if (!path.includes(WHITEOUT)) return { kind: 'entry' };
  const name = nameOf(path);
  const parents = namesOf(parentOf(path));
  if (parents.some((each) => each.startsWith(META))) return { kind: 'nothing' };
  if (parents.some((each) => each.startsWith(WHITEOUT)))
    throw invalidImage(`A layer has ${shownPath(path)}, which lies below a whiteout.`);
  if (!name.startsWith(WHITEOUT)) return { kind: 'entry' };
  if (name === OPAQUE) return { kind: 'opaque', path: parentOf(path) };
  if (name.startsWith(META)) return { kind: 'nothing' };
  const hidden = name.slice(WHITEOUT.length);
  if (hidden === '' || hidden === '.' || hidden === '..')
    throw invalidImage(`A layer has the whiteout ${shownPath(path)}, which hides no name.`);
  return { kind: 'whiteout', path: below(parentOf(path), hidden) };
}
