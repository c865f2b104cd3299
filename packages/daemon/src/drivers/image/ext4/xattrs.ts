import { BangerError } from '@banger/contract/error';
import { diskAcl, xattrAcl } from './acl.ts';
import { shownPath } from './path.ts';
import {
  BLOCK_ROOM,
  INLINE_ROOM,
  compareEntries,
  encodeBlock,
  encodeInline,
  entryBytes,
  type XattrEntry,
} from './xattr-entries.ts';

/** An extended attribute as listxattr(2) and getxattr(2) give it. */
export interface Xattr {
  readonly name: Buffer;
  readonly value: Buffer;
}

/** The most that Linux lets through (XATTR_NAME_MAX, XATTR_SIZE_MAX). */
const MAX_NAME_BYTES = 255;
const MAX_VALUE_BYTES = 65_536;

/** Prefixes become a number (fs/ext4/xattr.h); the two lists are whole names. */
const PREFIXES = [
  { prefix: 'user.', index: 1, whole: false },
  { prefix: 'system.posix_acl_access', index: 2, whole: true },
  { prefix: 'system.posix_acl_default', index: 3, whole: true },
  { prefix: 'trusted.', index: 4, whole: false },
  { prefix: 'security.', index: 6, whole: false },
] as const;

/** Checks xattrs and brings them into the form of the disk. Throws `invalid_argument`. */
export function diskXattrs(path: Buffer, xattrs: readonly Xattr[]): XattrEntry[] {
  const entries = xattrs.map((xattr) => diskXattr(path, xattr)).toSorted(compareEntries);
  entries.forEach((entry, at) => {
    const before = entries[at - 1];
    if (before !== undefined && compareEntries(before, entry) === 0)
      throw bad(path, `has the xattr ${shown(entry.name)} twice`);
  });
  return entries;
}

/** True for the number of a prefix that is kept; the others are of the file system itself, as parts of short files. */
export function isKnownXattr(index: number): boolean {
  return PREFIXES.some((each) => each.index === index);
}

/** An xattr as it was before `diskXattrs`. */
export function xattrOf({ index, name, value }: Pick<XattrEntry, 'index' | 'name' | 'value'>): Xattr {
  const found = PREFIXES.find((each) => each.index === index);
  if (found === undefined) throw new BangerError('internal', `An xattr was stored with the prefix ${index}.`);
  return {
    name: Buffer.concat([Buffer.from(found.prefix), name]),
    value: found.whole ? xattrAcl(value) : value,
  };
}

/**
 * Stores entries: what fits into the inode goes there, the others into a block. `storeLarge` keeps a value in an inode of its own, for what
 * does not fit into the block; the largest values go first. Throws `invalid_argument` when even that is too much.
 */
export async function placeXattrs(
  path: Buffer,
  entries: readonly XattrEntry[],
  storeLarge: (entry: XattrEntry) => Promise<XattrEntry>,
): Promise<{ readonly inline: Buffer; readonly block: Buffer | undefined }> {
  const inline: XattrEntry[] = [];
  const rest: XattrEntry[] = [];
  let room = INLINE_ROOM;
  for (const entry of entries) {
    const bytes = entryBytes(entry);
    if (bytes <= room) inline.push(entry);
    else rest.push(entry);
    if (bytes <= room) room -= bytes;
  }
  let bytes = total(rest);
  for (const large of rest.toSorted((one, other) => other.value.length - one.value.length)) {
    if (bytes <= BLOCK_ROOM) break;
    const stored = await storeLarge(large);
    bytes += entryBytes(stored) - entryBytes(large);
    rest[rest.indexOf(large)] = stored;
  }
  if (bytes > BLOCK_ROOM)
    throw bad(path, `has ${entries.length} xattrs, whose names alone do not fit into a block`);
  return {
    inline: inline.length > 0 ? encodeInline(inline) : Buffer.alloc(0),
    block: rest.length > 0 ? encodeBlock(rest) : undefined,
  };
}

function total(entries: readonly XattrEntry[]): number {
  return entries.reduce((sum, entry) => sum + entryBytes(entry), 0);
}

function diskXattr(path: Buffer, { name, value }: Xattr): XattrEntry {
  if (name.length > MAX_NAME_BYTES || name.includes(0))
    throw bad(path, `has an xattr whose name is longer than ${MAX_NAME_BYTES} bytes or has a NUL in it`);
  if (value.length > MAX_VALUE_BYTES)
    throw bad(path, `has the xattr ${shown(name)} of ${value.length} bytes; the most is ${MAX_VALUE_BYTES}`);
  const text = name.toString('latin1');
  const found = PREFIXES.find(({ prefix, whole }) => (whole ? text === prefix : text.startsWith(prefix)));
  const suffix = name.subarray(found?.prefix.length ?? 0);
  if (found === undefined || (suffix.length === 0 && !found.whole))
    throw bad(path, `has the xattr ${shown(name)}, which ext4 does not have`);
  if (!found.whole) return { index: found.index, name: suffix, value };
  const acl = diskAcl(value);
  if (acl === undefined) throw bad(path, `has a damaged access control list in ${shown(name)}`);
  return { index: found.index, name: suffix, value: acl };
}

/** A name escaped as a path is, without the slash. */
function shown(name: Buffer): string {
  return shownPath(name).slice(1);
}

function bad(path: Buffer, what: string): BangerError {
  return new BangerError('invalid_argument', `${shownPath(path)} ${what}.`);
}
