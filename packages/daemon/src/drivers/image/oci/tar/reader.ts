import { BangerError } from '@banger/contract/error';
import type { EntryMetadata } from '../../ext4/entry-metadata.ts';
import type { ByteBudget } from '../byte-budget.ts';
import { invalidImage, shownBytes } from '../invalid.ts';
import { ByteReader, truncated, type ByteSource } from './byte-reader.ts';
import type { TarEntry, TarKind } from './entry.ts';
import { TAR_BLOCK_BYTES, parseHeader, type TarHeader } from './header.ts';
import { NO_PAX_HEADER, parsePax, type PaxHeader } from './pax.ts';
import { checkSparse, sparseContent } from './sparse-content.ts';
import { parsePaxSparse, readGnuSparse, readSparseMap, type SparseFile } from './sparse-map.ts';

/** An extended header or long name is in memory as a whole. Go's reader, which most tools use, has the same limit. */
const MAX_EXTENSION_BYTES = 1024 ** 2;
/** Permissions with set-user-ID, set-group-ID and sticky bit; some writers put the file type above them. */
const PERMISSIONS = 0o7777;
const MAX_ID = 0xfffffffe;
const SLASH = 0x2f;

const KINDS: Readonly<Record<string, TarKind>> = {
  0: 'file',
  1: 'hard link',
  2: 'symlink',
  3: 'character',
  4: 'block',
  5: 'directory',
  6: 'fifo',
  // Contiguous on disk, once: a file.
  7: 'file',
  S: 'file',
};

/** What stands before an entry and overrules its header. */
interface Extensions {
  readonly pax: PaxHeader;
  readonly name?: Buffer;
  readonly linkName?: Buffer;
}

const NO_EXTENSIONS: Extensions = { pax: NO_PAX_HEADER };
/** Types of headers that are no entries: PAX records for one entry and for all, GNU's long names of an entry and of a link. */
const EXTENSIONS = new Set(['x', 'g', 'L', 'K']);
const NOTHING = Buffer.alloc(0);

/**
 * Reads an archive (tar, in the formats of V7, POSIX, PAX, GNU and star) entry by entry, to the end of its source. Names, xattrs and times are
 * as exact as the archive has them. Records for all entries (type `g`) are passed over, as Go's reader does it that most tools have. `endMarked`: one
 * that ends behind an entry, without the zeros that mark an end, is cut off; where a digest or a count tells that, writers may leave them out.
 * Rejects with `image_invalid` for what is damaged, cut off, or of a type that is not known.
 */
export async function* readTar(
  source: ByteSource,
  budget: ByteBudget,
  { endMarked = false }: { readonly endMarked?: boolean } = {},
): AsyncGenerator<TarEntry, void, void> {
  const reader = new ByteReader(source);
  try {
    let extensions: Extensions | undefined;
    for (;;) {
      const block = reader.ready(TAR_BLOCK_BYTES) ?? (await reader.read(TAR_BLOCK_BYTES));
      const header = block === undefined ? undefined : parseHeader(block);
      if (block === undefined || header === undefined) {
        if (extensions !== undefined) throw truncated();
        if (block === undefined && endMarked)
          throw invalidImage('An archive ends without the mark of its end.');
        if (block !== undefined) await checkEnd(reader);
        break;
      }
      if (EXTENSIONS.has(header.type)) {
        const bytes = await readExtension(header, reader);
        if (header.type !== 'g') extensions = extended(extensions ?? NO_EXTENSIONS, header.type, bytes);
        continue;
      }
      yield* entryOf(header, block, extensions ?? NO_EXTENSIONS, reader, budget);
      extensions = undefined;
    }
    await reader.drain();
  } finally {
    await reader.close();
  }
}

/** Two blocks of zeros, or one and nothing, end an archive; what follows them is no part of it. */
async function checkEnd(reader: ByteReader): Promise<void> {
  const second = await reader.read(TAR_BLOCK_BYTES);
  if (second !== undefined && parseHeader(second) !== undefined)
    throw invalidImage('An archive goes on behind a block of zeros.');
}

/** What a header that is no entry holds: it says something of the entry behind it, or (type `g`, of which nothing is kept) of all. */
async function readExtension({ type, size }: TarHeader, reader: ByteReader): Promise<Buffer> {
  if (size < 0 || (size > MAX_EXTENSION_BYTES && type !== 'g'))
    throw invalidImage(
      `An archive has an extended header of ${size} bytes; the most is ${MAX_EXTENSION_BYTES}.`,
    );
  if (type === 'g' || size === 0) {
    await reader.skip(padded(size));
    return NOTHING;
  }
  const bytes = await reader.read(padded(size));
  if (bytes === undefined) throw truncated();
  return bytes.subarray(0, size);
}

function extended(extensions: Extensions, type: string, bytes: Buffer): Extensions {
  if (type === 'x') return { ...extensions, pax: parsePax(bytes) };
  return type === 'L' ? { ...extensions, name: upToNul(bytes) } : { ...extensions, linkName: upToNul(bytes) };
}

async function* entryOf(
  header: TarHeader,
  block: Buffer,
  extensions: Extensions,
  reader: ByteReader,
  budget: ByteBudget,
): AsyncGenerator<TarEntry, void, void> {
  const { pax } = extensions;
  const sparseRecords = parsePaxSparse(pax);
  const name = extensions.name ?? sparseRecords?.name ?? pax.path ?? header.name;
  const kind = kindOf(header, name);
  const stored = kind === 'file' ? (pax.size ?? header.size) : 0;
  if (stored < 0) throw invalidImage(`An archive has "${shownBytes(name)}" with the size ${stored}.`);
  if (name.length === 0) throw invalidImage('An archive has an entry without a name.');
  const link = kind === 'symlink' || kind === 'hard link';
  const entry = {
    kind,
    name,
    linkName: link ? (extensions.linkName ?? pax.linkPath ?? header.linkName) : Buffer.alloc(0),
    metadata: metadataOf(header, pax, name),
    major: header.major,
    minor: header.minor,
  };
  let sparse: SparseFile | undefined;
  if (kind === 'file' && header.type === 'S' && header.gnu) sparse = await readGnuSparse(block, reader);
  else if (kind === 'file' && sparseRecords?.version === '1.0')
    sparse = await readSparseMap(sparseRecords.size, reader);
  else if (kind === 'file' && sparseRecords !== undefined) sparse = { ...sparseRecords, mapBytes: 0 };
  const data = stored - (sparse?.mapBytes ?? 0);
  if (sparse !== undefined) checkSparse(sparse, data);
  const offset = sparse === undefined ? reader.position : undefined;
  yield* offered({ ...entry, offset, size: sparse?.size ?? stored }, sparse, data, reader, budget);
  await reader.skip(padded(data) - data);
}

/** Offers an entry, and passes over what of its content was not read. */
async function* offered(
  entry: Omit<TarEntry, 'content'>,
  sparse: SparseFile | undefined,
  data: number,
  reader: ByteReader,
  budget: ByteBudget,
): AsyncGenerator<TarEntry, void, void> {
  if (data === 0 && entry.size === 0) {
    yield { ...entry, content: [] };
    return;
  }
  let state: 'untouched' | 'begun' | 'read' = 'untouched';
  const content = {
    async *[Symbol.asyncIterator](): AsyncGenerator<Buffer, void, void> {
      state = 'begun';
      if (sparse === undefined) yield* reader.pieces(data);
      else yield* sparseContent(sparse, reader, budget);
      state = 'read';
    },
  };
  yield { ...entry, content };
  // Set by the generator above, which the compiler does not see.
  const reached = state as 'untouched' | 'begun' | 'read';
  if (reached === 'untouched') await reader.skip(data);
  if (reached === 'begun')
    throw new BangerError('internal', `The content of "${shownBytes(entry.name)}" was read in part.`);
}

function kindOf({ type, gnu }: TarHeader, name: Buffer): TarKind {
  const kind = KINDS[type];
  if (kind === undefined || (type === 'S' && !gnu))
    throw invalidImage(
      `An archive has "${shownBytes(name)}" with the type "${shownBytes(Buffer.from(type, 'latin1'))}", which is not known.`,
    );
  // Before there was a type for directories, the slash told them.
  return kind === 'file' && type === '0' && name.at(-1) === SLASH ? 'directory' : kind;
}

function metadataOf(header: TarHeader, pax: PaxHeader, name: Buffer): EntryMetadata {
  const { uid = header.uid, gid = header.gid, accessed } = pax;
  if (uid < 0 || uid > MAX_ID || gid < 0 || gid > MAX_ID)
    throw invalidImage(`An archive has "${shownBytes(name)}" with the owner ${uid} and the group ${gid}.`);
  return {
    mode: header.mode & PERMISSIONS,
    uid,
    gid,
    modified: pax.modified ?? { seconds: header.seconds, nanoseconds: 0 },
    ...(accessed === undefined ? {} : { accessed }),
    ...(pax.xattrs.length === 0 ? {} : { xattrs: pax.xattrs }),
  };
}

function padded(bytes: number): number {
  return Math.ceil(bytes / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES;
}

function upToNul(bytes: Buffer): Buffer {
  const end = bytes.indexOf(0);
  return Buffer.from(end === -1 ? bytes : bytes.subarray(0, end));
}
