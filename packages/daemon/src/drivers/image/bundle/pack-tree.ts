import { BangerError } from '@banger/contract/error';
import { ROOT_INODE } from '../ext4/geometry.ts';
import { shownPath } from '../ext4/path.ts';
import type { Ext4Tree, Stretch } from '../ext4/read/ext4-tree.ts';
import { MAX_IMAGE_BYTES } from '../oci/byte-budget.ts';
import { unsupportedImage } from '../oci/invalid.ts';
import { BUNDLE_ROOT } from './bundle-manifest.ts';
import { tarHeader, tarPadding } from './tar-header.ts';

/** Holes of less are written as zeros, which packing makes as short. */
const LEAST_HOLES_BYTES = 1024 ** 2;
/** A file of more pieces is written whole: readers of maps have their limits. */
const MOST_STRETCHES = 10_000;
/** Archives mark by this what hides files of older layers. */
const WHITEOUT = '.wh.';
const SLASH = Buffer.from('/');
const ROOT = Buffer.from(BUNDLE_ROOT);

/** What a root file system unpacks to. */
export interface PackedContent {
  readonly entries: number;
  /** Of files, with their holes. */
  readonly bytes: number;
}

/** A path of a root file system that goes into an archive; `link`: an earlier path of the same file. */
interface Packed {
  readonly inode: number;
  readonly path: Buffer;
  readonly link?: Buffer;
}

/** Counts what `packTree` writes. Rejects as the reader of the tree does, and with `image_unsupported` for what no archive can carry. */
export async function measureTree(tree: Ext4Tree, signal: AbortSignal): Promise<PackedContent> {
  let entries = 0;
  let bytes = 0;
  for await (const { inode, link } of packedEntries(tree)) {
    signal.throwIfAborted();
    entries += 1;
    if (link === undefined && (await tree.kind(inode)) === 'file') bytes += await tree.size(inode);
    if (bytes > MAX_IMAGE_BYTES)
      throw unsupportedImage(`The files of the image come to more than ${MAX_IMAGE_BYTES} bytes.`);
  }
  return { entries, bytes };
}

/** The root file system as entries of an archive, without an end. Holes stay holes. */
export async function* packTree(tree: Ext4Tree, signal: AbortSignal): AsyncGenerator<Buffer, void, void> {
  for await (const packed of packedEntries(tree)) {
    signal.throwIfAborted();
    yield* packEntry(tree, packed);
  }
}

/** Sockets belong to a program that ran; `lost+found` is each file system's own. */
async function* packedEntries(tree: Ext4Tree): AsyncGenerator<Packed, void, void> {
  const directories = new Map<number, Buffer>([[ROOT_INODE, ROOT]]);
  const first = new Map<number, Buffer>();
  yield { inode: ROOT_INODE, path: ROOT };
  for await (const { parent, name, inode } of tree.names(ROOT_INODE)) {
    const above = directories.get(parent);
    if (above === undefined || (parent === ROOT_INODE && name.equals(LOST_FOUND))) continue;
    const path = Buffer.concat([above, SLASH, name]);
    const kind = await tree.kind(inode);
    if (kind === 'socket') continue;
    if (name.toString('latin1').startsWith(WHITEOUT))
      throw unsupportedImage(
        `The file ${shownPath(path)} cannot go into a bundle: in archives its name hides another one.`,
      );
    if (kind === 'directory') directories.set(inode, path);
    const link = first.get(inode);
    if (link === undefined && kind !== 'directory' && (await tree.links(inode)) > 1) first.set(inode, path);
    yield { inode, path, ...(link === undefined ? {} : { link }) };
  }
}

const LOST_FOUND = Buffer.from('lost+found');

async function* packEntry(tree: Ext4Tree, { inode, path, link }: Packed): AsyncGenerator<Buffer, void, void> {
  const metadata = await tree.metadata(inode);
  const name = path;
  if (link !== undefined) {
    yield tarHeader({
      kind: 'hard link',
      name,
      linkName: link,
      metadata: { ...metadata, xattrs: [] },
      bytes: 0,
    });
    return;
  }
  const kind = await tree.kind(inode);
  switch (kind) {
    case 'directory':
      yield tarHeader({ kind, name: Buffer.concat([name, SLASH]), metadata, bytes: 0 });
      return;
    case 'symlink':
      yield tarHeader({ kind, name, linkName: await tree.linkTarget(inode), metadata, bytes: 0 });
      return;
    case 'character':
    case 'block':
      yield tarHeader({ kind, name, metadata, device: await tree.device(inode), bytes: 0 });
      return;
    case 'fifo':
      yield tarHeader({ kind, name, metadata, bytes: 0 });
      return;
    case 'file':
      yield* packFile(tree, inode, { kind, name, metadata });
      return;
    case 'socket':
      throw new BangerError('internal', 'A socket was to be packed.');
  }
}

async function* packFile(
  tree: Ext4Tree,
  inode: number,
  entry: Pick<Parameters<typeof tarHeader>[0], 'kind' | 'name' | 'metadata'>,
): AsyncGenerator<Buffer, void, void> {
  const size = await tree.size(inode);
  const stretches = await tree.stretches(inode);
  const data = stretches.reduce((sum, { length }) => sum + length, 0);
  if (size - data < LEAST_HOLES_BYTES || stretches.length > MOST_STRETCHES) {
    yield tarHeader({ ...entry, bytes: size });
    yield* tree.content(inode);
    yield tarPadding(size);
    return;
  }
  const map = mapOf(stretches, size);
  yield tarHeader({ ...entry, bytes: map.length + data, sparseSize: size });
  yield map;
  yield* tree.data(inode);
  yield tarPadding(data);
}

/** The map before the data of a sparse file (GNU tar's manual, "PAX Format, Version 1.0"), in whole blocks. */
function mapOf(stretches: readonly Stretch[], size: number): Buffer {
  // As GNU tar ends a map, so that a hole at the end is told.
  const all = [...stretches, { offset: size, length: 0 }];
  const text = [all.length, ...all.flatMap(({ offset, length }) => [offset, length])].join('\n');
  const bytes = Buffer.from(`${text}\n`);
  return Buffer.concat([bytes, tarPadding(bytes.length)]);
}
