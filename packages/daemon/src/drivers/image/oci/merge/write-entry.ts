import { BangerError } from '@banger/contract/error';
import { invalidImage, shownBytes } from '../invalid.ts';
import type { TarEntry } from '../tar/entry.ts';
import type { RootWriter } from './root-writer.ts';

/** Linux makes every link with it, whatever an archive says. */
const SYMLINK_MODE = 0o777;

/** A path as the writer takes it. */
export function pathBytes(path: string): Buffer {
  return Buffer.from(path, 'latin1');
}

/** Writes an entry that is neither directory nor hard link. Rejects with `image_invalid`. */
export async function writeEntry(root: RootWriter, path: string, entry: TarEntry): Promise<void> {
  const { kind, metadata, major, minor } = entry;
  const at = pathBytes(path);
  switch (kind) {
    case 'file':
      await root.file(at, metadata, entry.size, entry.content);
      return;
    case 'symlink':
      if (entry.linkName.length === 0)
        throw invalidImage(`A layer has "${shownBytes(entry.name)}", a link to nothing.`);
      await root.symlink(at, { ...metadata, mode: SYMLINK_MODE }, entry.linkName);
      return;
    case 'character':
    case 'block':
      await root.device(at, metadata, { kind, major, minor });
      return;
    case 'fifo':
      await root.fifo(at, metadata);
      return;
    case 'directory':
    case 'hard link':
      throw new BangerError('internal', `A ${kind} was to be written as an entry.`);
  }
}
