import { isBangerError } from '@banger/contract/error';
import type { EntryWriter } from '../../ext4/copy-tree.ts';
import { invalidImage } from '../invalid.ts';

/** What takes the merged tree: each path once, in any order, a directory also after what is in it. */
export type RootWriter = Omit<EntryWriter, 'socket'>;

/** A writer whose refusals are the image's fault; only that the file system is too small stays `invalid_argument`. */
export function imageWriter(writer: EntryWriter): EntryWriter {
  const blaming =
    <A extends unknown[]>(write: (...args: A) => Promise<void>) =>
    async (...args: A): Promise<void> => {
      try {
        await write.apply(writer, args);
      } catch (error) {
        if (!isBangerError(error, 'invalid_argument') || 'needed' in error.details) throw error;
        throw invalidImage(`The image cannot be written: ${error.message}`, error);
      }
    };
  return {
    directory: blaming(writer.directory),
    file: blaming(writer.file),
    symlink: blaming(writer.symlink),
    hardLink: blaming(writer.hardLink),
    device: blaming(writer.device),
    fifo: blaming(writer.fifo),
    socket: blaming(writer.socket),
  };
}
