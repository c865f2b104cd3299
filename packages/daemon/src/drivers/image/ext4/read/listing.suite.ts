import { createHash } from 'node:crypto';
import { ROOT_INODE } from '../geometry.ts';
import { Ext4Tree } from './ext4-tree.ts';

/** All that can be told of each path of a file system, but access, change and creation times and `lost+found`: in what both are equal, they are the same. */
export async function listing(file: string): Promise<Readonly<Record<string, unknown>>> {
  await using tree = await Ext4Tree.open(file);
  const paths = new Map<number, string>([[ROOT_INODE, '']]);
  const first = new Map<number, string>();
  const found: Record<string, unknown> = { '/': await entryOf(tree, ROOT_INODE) };
  for await (const { parent, name, inode } of tree.names(ROOT_INODE)) {
    const path = `${paths.get(parent)}/${name.toString('latin1')}`;
    if (path.startsWith('/lost+found')) continue;
    const kind = await tree.kind(inode);
    if (kind === 'directory') paths.set(inode, path);
    const same = first.get(inode);
    if (same === undefined) first.set(inode, path);
    found[path] = same === undefined ? await entryOf(tree, inode) : { same };
  }
  return found;
}

async function entryOf(tree: Ext4Tree, inode: number): Promise<unknown> {
  const kind = await tree.kind(inode);
  const { mode, uid, gid, modified, xattrs = [] } = await tree.metadata(inode);
  const named = xattrs
    .map(({ name, value }) => [name.toString('latin1'), value.toString('latin1')])
    .toSorted(([a = ''], [b = '']) => (a < b ? -1 : 1));
  const common = { kind, mode, uid, gid, modified, xattrs: Object.fromEntries(named) as unknown };
  if (kind === 'symlink') return { ...common, target: (await tree.linkTarget(inode)).toString('latin1') };
  if (kind === 'character' || kind === 'block') return { ...common, ...(await tree.device(inode)) };
  if (kind !== 'file') return common;
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const piece of tree.content(inode)) {
    hash.update(piece);
    bytes += piece.length;
  }
  const size = await tree.size(inode);
  return { ...common, size, bytes, sha256: hash.digest('hex'), links: await tree.links(inode) };
}
