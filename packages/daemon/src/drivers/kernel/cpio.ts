/** An entry of a cpio archive. Names are relative, without a leading slash. */
export type CpioEntry =
  | { readonly kind: 'directory'; readonly name: string; readonly mode: number }
  | { readonly kind: 'file'; readonly name: string; readonly mode: number; readonly content: Uint8Array }
  | {
      readonly kind: 'character-device';
      readonly name: string;
      readonly mode: number;
      readonly major: number;
      readonly minor: number;
    };

const MAGIC = '070701';
const TRAILER = 'TRAILER!!!';
/** Names and contents are padded to this, counted from the start of the archive. */
const ALIGNMENT = 4;
const HEADER_BYTES = 110;

/** File types of st_mode (inode(7)). */
const TYPES = { directory: 0o040000, file: 0o100000, 'character-device': 0o020000 } as const;

/**
 * Writes a "newc" cpio archive as the kernel unpacks it (Documentation/driver-api/early-userspace/buffer-format.rst).
 * The same entries give the same bytes: owner root, time 0, inodes counted from 1. Parents must come before children.
 */
export function writeCpio(entries: readonly CpioEntry[]): Buffer {
  const parts: Uint8Array[] = [];
  let length = 0;
  const push = (bytes: Uint8Array): void => {
    const padding = (ALIGNMENT - ((length + bytes.length) % ALIGNMENT)) % ALIGNMENT;
    parts.push(bytes, Buffer.alloc(padding));
    length += bytes.length + padding;
  };
  const write = (
    name: string,
    inode: number,
    mode: number,
    content: Uint8Array,
    major = 0,
    minor = 0,
  ): void => {
    const nameBytes = Buffer.from(`${name}\0`);
    const links = 1;
    const fields = [inode, mode, 0, 0, links, 0, content.length, 0, 0, major, minor, nameBytes.length, 0];
    const header = Buffer.from(MAGIC + fields.map((field) => field.toString(16).padStart(8, '0')).join(''));
    if (header.length !== HEADER_BYTES) throw new RangeError(`${name} is too large for a cpio archive`);
    push(Buffer.concat([header, nameBytes]));
    push(content);
  };

  entries.forEach((entry, index) => {
    const mode = TYPES[entry.kind] | entry.mode;
    if (entry.kind === 'character-device') {
      write(entry.name, index + 1, mode, Buffer.alloc(0), entry.major, entry.minor);
    } else {
      write(entry.name, index + 1, mode, entry.kind === 'file' ? entry.content : Buffer.alloc(0));
    }
  });
  write(TRAILER, 0, 0, Buffer.alloc(0));
  return Buffer.concat(parts, length);
}
