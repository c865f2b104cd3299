import { brokenFileSystem } from './refusal.ts';

/** Of an entry before its name: inode, length, length of the name, type. */
const HEAD_BYTES = 8;

/** A name, and what it is of. */
export interface DirectoryEntry {
  readonly name: Buffer;
  readonly inode: number;
}

/**
 * The entries of a block of a directory, but `.` and `..`; none of a block of a hash tree, which looks like one that is not used
 * (Documentation/filesystems/ext4/directory.rst). Throws `image_invalid`.
 */
export function* readEntries(block: Buffer, hasFileTypes: boolean): Generator<DirectoryEntry, void, void> {
  for (let at = 0; at + HEAD_BYTES <= block.length;) {
    const [inode, length] = [block.readUInt32LE(at), block.readUInt16LE(at + 4)];
    const nameBytes = hasFileTypes ? block.readUInt8(at + 6) : block.readUInt16LE(at + 6);
    if (length < HEAD_BYTES || at + length > block.length || HEAD_BYTES + nameBytes > length)
      throw brokenFileSystem('has a damaged directory');
    const name = Buffer.from(block.subarray(at + HEAD_BYTES, at + HEAD_BYTES + nameBytes));
    at += length;
    if (inode === 0) continue;
    const text = name.toString('latin1');
    if (text === '.' || text === '..') continue;
    if (text === '' || /[/\0]/.test(text)) throw brokenFileSystem('has a name that no file can have');
    yield { name, inode };
  }
}
