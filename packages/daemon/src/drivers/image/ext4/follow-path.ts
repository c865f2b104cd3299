import { ROOT_INODE } from './geometry.ts';
import { namesOf } from './read-pieces.ts';
import type { ReadableTree, ResolvedPath } from './readable-tree.ts';

/** Symbolic links on one path that are followed, as many as Linux follows (path_resolution(7)). */
const MAX_FOLLOWED = 40;

/** What following a path needs of a file system. */
export interface PathLookup extends Pick<ReadableTree, 'kind' | 'linkTarget'> {
  /** The inode of a name, bytes as characters, in a directory; undefined when there is none. */
  find(directory: number, name: string): number | undefined | Promise<number | undefined>;
}

/** Follows a path, bytes as characters, and the symbolic links on it, as if the root were `/`. Undefined when it leads to nothing. */
export async function followPath(tree: PathLookup, path: string): Promise<ResolvedPath | undefined> {
  const left = namesOf(path).toReversed();
  let trail: { readonly name: string; readonly inode: number }[] = [];
  for (let followed = 0; left.length > 0;) {
    const name = left.pop() ?? '';
    const parent = trail.at(-1)?.inode ?? ROOT_INODE;
    if ((await tree.kind(parent)) !== 'directory') return undefined;
    if (name === '..') {
      trail.pop();
      continue;
    }
    const inode = await tree.find(parent, name);
    if (inode === undefined) return undefined;
    if ((await tree.kind(inode)) !== 'symlink') {
      trail.push({ name, inode });
      continue;
    }
    followed += 1;
    if (followed > MAX_FOLLOWED) return undefined;
    const target = (await tree.linkTarget(inode)).toString('latin1');
    if (target.startsWith('/')) trail = [];
    left.push(...namesOf(target).toReversed());
  }
  return { inode: trail.at(-1)?.inode ?? ROOT_INODE, path: trail.map(({ name }) => `/${name}`).join('') };
}
