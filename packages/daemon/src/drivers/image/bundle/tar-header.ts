import { BangerError } from '@banger/contract/error';
import type { EntryMetadata } from '../ext4/entry-metadata.ts';
import type { TarKind } from '../oci/tar/entry.ts';
import { TAR_BLOCK_BYTES } from '../oci/tar/header.ts';

/** Types of POSIX headers (pax(1), "ustar Interchange Format"). */
const TYPES: Readonly<Record<TarKind, string>> = {
  file: '0',
  'hard link': '1',
  symlink: '2',
  character: '3',
  block: '4',
  directory: '5',
  fifo: '6',
};
const NAME_BYTES = 100;
/** The largest that a field of so many octal digits holds. */
const MOST_OF_7 = 0o7777777;
const MOST_OF_11 = 0o77777777777;

/** An entry that is to be written. */
export interface NewEntry {
  readonly kind: TarKind;
  /** A directory ends with a slash. */
  readonly name: Buffer;
  readonly linkName?: Buffer;
  readonly metadata: EntryMetadata;
  readonly device?: { readonly major: number; readonly minor: number };
  /** Bytes that follow, the map of a sparse file among them. */
  readonly bytes: number;
  /** The size with its holes, of a file that is written with a map. */
  readonly sparseSize?: number;
}

/** A header in the form of POSIX (pax), with a header of records before it for what has no room in the old fields. */
export function tarHeader(entry: NewEntry): Buffer {
  const records = recordsOf(entry);
  const body = Buffer.concat(records);
  const isExtended = records.length > 0;
  return Buffer.concat([
    ...(isExtended ? [ustar({ name: Buffer.from('pax'), type: 'x', bytes: body.length }), padded(body)] : []),
    ustar({ ...entry, type: TYPES[entry.kind] }),
  ]);
}

/** Fills the last block of what was written. */
export function tarPadding(bytes: number): Buffer {
  return Buffer.alloc(-bytes & (TAR_BLOCK_BYTES - 1));
}

/** What ends an archive. */
export const TAR_END: Buffer = Buffer.alloc(2 * TAR_BLOCK_BYTES);

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, tarPadding(bytes.length)]);
}

function recordsOf({ name, linkName, metadata, bytes, sparseSize }: NewEntry): Buffer[] {
  const { uid, gid, modified, xattrs = [] } = metadata;
  const records: Buffer[] = [];
  const add = (key: string, value: Buffer | string): void => void records.push(record(key, value));
  if (sparseSize !== undefined) {
    add('GNU.sparse.major', '1');
    add('GNU.sparse.minor', '0');
    add('GNU.sparse.name', name);
    add('GNU.sparse.realsize', String(sparseSize));
  } else if (name.length > NAME_BYTES) add('path', name);
  if (linkName !== undefined && linkName.length > NAME_BYTES) add('linkpath', linkName);
  if (bytes > MOST_OF_11) add('size', String(bytes));
  if (uid > MOST_OF_7) add('uid', String(uid));
  if (gid > MOST_OF_7) add('gid', String(gid));
  if (!isPlainTime(modified)) add('mtime', timeText(modified));
  for (const xattr of xattrs) add(`SCHILY.xattr.${xattr.name.toString('latin1')}`, xattr.value);
  return records;
}

/** A record of a header; its length counts itself. */
function record(key: string, value: Buffer | string): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`, 'latin1'), Buffer.from(value), Buffer.from('\n')]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}

function isPlainTime({ seconds, nanoseconds }: EntryMetadata['modified']): boolean {
  return nanoseconds === 0 && seconds >= 0 && seconds <= MOST_OF_11;
}

/** Decimal seconds: 0.75 after -2 is -1.25. */
function timeText({ seconds, nanoseconds }: EntryMetadata['modified']): string {
  const isNegative = seconds < 0 && nanoseconds > 0;
  const whole = isNegative ? -seconds - 1 : Math.abs(seconds);
  const rest = isNegative ? 1_000_000_000 - nanoseconds : nanoseconds;
  const fraction = rest === 0 ? '' : `.${String(rest).padStart(9, '0')}`;
  return `${seconds < 0 ? '-' : ''}${whole}${fraction}`;
}

/** The fields of a header; what does not fit is in a record before it. */
function ustar(
  entry: Pick<NewEntry, 'name' | 'bytes'> &
    Partial<Pick<NewEntry, 'linkName' | 'metadata' | 'device'>> & { readonly type: string },
): Buffer {
  const { name, linkName, metadata, device = { major: 0, minor: 0 }, bytes, type } = entry;
  const made: Partial<EntryMetadata> = metadata ?? {};
  const { mode = 0o644, uid = 0, gid = 0, modified } = made;
  const block = Buffer.alloc(TAR_BLOCK_BYTES);
  const octal = (value: number, at: number, length: number): void => {
    const text = value.toString(8).padStart(length - 1, '0');
    if (text.length !== length - 1) throw new BangerError('internal', `No header has room for ${value}.`);
    block.write(text, at, 'latin1');
  };
  name.copy(block, 0, 0, NAME_BYTES);
  octal(mode, 100, 8);
  octal(uid > MOST_OF_7 ? 0 : uid, 108, 8);
  octal(gid > MOST_OF_7 ? 0 : gid, 116, 8);
  octal(bytes > MOST_OF_11 ? 0 : bytes, 124, 12);
  octal(Math.min(Math.max(modified?.seconds ?? 0, 0), MOST_OF_11), 136, 12);
  block.write(type, 156, 'latin1');
  linkName?.copy(block, 157, 0, NAME_BYTES);
  block.write('ustar\x0000', 257, 'latin1');
  octal(device.major, 329, 8);
  octal(device.minor, 337, 8);
  block.fill(' ', 148, 156);
  block.write(
    `${block
      .reduce((sum, byte) => sum + byte, 0)
      .toString(8)
      .padStart(6, '0')}\0 `,
    148,
    'latin1',
  );
  return block;
}
