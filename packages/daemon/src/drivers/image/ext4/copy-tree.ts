import type { ReadableTree } from './readable-tree.ts';
import type { Ext4Writer } from './writer.ts';

/** What takes entries. */
export type EntryWriter = Pick<
  Ext4Writer,
  'directory' | 'file' | 'symlink' | 'hardLink' | 'device' | 'fifo' | 'socket'
>;

const ROOT = Buffer.alloc(0);
const SLASH = Buffer.from('/');

/**
 * Copies a directory with all that is below it, which becomes the root of another file system. Names of one file in it stay so; a file that has
 * names outside as well becomes one of its own.
 */
export async function copyTree(from: ReadableTree, directory: number, to: EntryWriter): Promise<void> {
  const directories = new Map([[directory, ROOT]]);
  /** The first name of what has several. */
  const first = new Map<number, Buffer>();
  await to.directory(ROOT, await from.metadata(directory));
  for await (const { parent, name, inode } of from.names(directory)) {
    const above = directories.get(parent);
    if (above === undefined) continue;
    const path = above.length === 0 ? Buffer.from(name) : Buffer.concat([above, SLASH, name]);
    const target = first.get(inode);
    if (target !== undefined) {
      await to.hardLink(path, target);
      continue;
    }
    await copyEntry(from, inode, to, path);
    if ((await from.kind(inode)) === 'directory') directories.set(inode, path);
    else if ((await from.links(inode)) > 1) first.set(inode, path);
  }
}

async function copyEntry(from: ReadableTree, inode: number, to: EntryWriter, path: Buffer): Promise<void> {
  const metadata = await from.metadata(inode);
  const kind = await from.kind(inode);
  switch (kind) {
    case 'directory':
      return to.directory(path, metadata);
    case 'file':
      return to.file(path, metadata, await from.size(inode), from.content(inode));
    case 'symlink':
      return to.symlink(path, metadata, await from.linkTarget(inode));
    case 'character':
    case 'block':
      return to.device(path, metadata, { kind, ...(await from.device(inode)) });
    case 'fifo':
      return to.fifo(path, metadata);
    case 'socket':
      return to.socket(path, metadata);
  }
}
