import { chmod, unlink } from 'node:fs/promises';
import { BangerError } from '@banger/contract/error';
import { copyTree, type EntryWriter } from '../ext4/copy-tree.ts';
import { ROOT_INODE } from '../ext4/geometry.ts';
import type { ReadableTree } from '../ext4/readable-tree.ts';
import type { Timestamp } from '../ext4/time.ts';
import { openExt4Writer, USUAL_GROW_BYTES, type Ext4Options, type Ext4Writer } from '../ext4/writer.ts';
import { leastRootBytes, rootBytes, workBytes } from './disk-sizes.ts';
import { factsOf, type ImageFacts } from './image-facts.ts';
import type { Layer } from './layer.ts';
import { mergeLayers } from './merge/merge-layers.ts';
import { imageWriter } from './merge/root-writer.ts';

const MIB = 1024 ** 2;
/** What mke2fs gives a file system of 1 GiB, the smallest root disk. */
const ROOT_JOURNAL_BYTES = 32 * MIB;
/** A journal is not enlarged with its file system: as large as fits the template. */
const WORK_JOURNAL_BYTES = 16 * MIB;
/** The image is a base that is shared: nobody may write it. */
const READ_ONLY_MODE = 0o400;
const HOME = '/root';
/** Of a home that the image lacks, as distributions make it. */
const HOME_MODE = 0o700;
const IDENTIFIER_BYTES = 16;

/** Where the disks of an image go, and what they are made with. */
export interface DiskOptions {
  /** Files that are made; nothing is there yet. */
  readonly rootFile: string;
  readonly workFile: string;
  /** What somebody wishes the root file system to have. */
  readonly rootBytes?: number;
  readonly now: Timestamp;
  /** Gives so many random bytes. */
  readonly random: (bytes: number) => Buffer;
  /** Tells a rejection with `cancelled`; it is the layers that end by it. */
  readonly signal: AbortSignal;
}

/** Where a work disk goes, and what it is made with. */
export type WorkDiskOptions = Pick<DiskOptions, 'workFile' | 'now' | 'random'>;

/** The disks of an image. */
export interface ImageDisks {
  /** Size of the root file system. */
  readonly rootBytes: number;
  /** The least root disk that its content fits on, with room to install something. */
  readonly leastRootBytes: number;
  /** Size of the work disk's file system. */
  readonly workBytes: number;
  /** What the files in the root file system take, in whole blocks. */
  readonly contentBytes: number;
  readonly facts: ImageFacts;
}

/**
 * Makes the root file system and the work disk of an image from its layers, oldest first: both sparse, read-only and synced. The work disk begins with
 * what the image has in /root. Rejects with `image_invalid` (the layers), `image_unsupported` and `invalid_argument` (sizes) and
 * `disk_full`, `cancelled`; then there is neither file. `layers` is called once more when all has to begin anew.
 */
export async function writeImageDisks(
  layers: () => readonly Layer[],
  options: DiskOptions,
): Promise<ImageDisks> {
  try {
    const disks = (await tryToWrite(layers(), options, false)) ?? (await tryToWrite(layers(), options, true));
    if (disks === undefined) throw new BangerError('internal', 'An image was not merged at all.');
    return disks;
  } catch (cause) {
    if (!options.signal.aborted) throw cause;
    throw new BangerError('cancelled', 'Writing the disks of the image was cancelled.', { cause });
  }
}

/** Undefined when an entry that was written turned out to be replaced in its own layer: then it has to be known ahead. */
async function tryToWrite(
  layers: readonly Layer[],
  options: DiskOptions,
  ahead: boolean,
): Promise<ImageDisks | undefined> {
  const { rootFile, workFile, rootBytes: wished, now } = options;
  await using undo = new AsyncDisposableStack();
  const growBytes = Math.max(USUAL_GROW_BYTES, wished ?? 0);
  const root = await openDisk(undo, rootFile, {
    ...identity('root', options),
    sizeBytes: (needs) => rootBytes(needs, wished, growBytes),
    journalBytes: ROOT_JOURNAL_BYTES,
    growBytes,
  });
  if (!(await mergeLayers(layers, imageWriter(root), { now, ahead }))) return undefined;
  const written = await root.written();
  const facts = await factsOf(written);
  const work = await openWorkDisk(undo, written, options);
  const [rootDisk, workDisk] = [await root.finish(), await work.finish()];
  for (const file of [rootFile, workFile]) await chmod(file, READ_ONLY_MODE);
  undo.move();
  return {
    rootBytes: rootDisk.sizeBytes,
    leastRootBytes: leastRootBytes(rootDisk),
    workBytes: workDisk.sizeBytes,
    contentBytes: rootDisk.contentBytes,
    facts,
  };
}

/** The work disk of a root file system that is there already; the rest is as with `writeImageDisks`. Tells its size. */
export async function writeWorkDisk(tree: ReadableTree, options: WorkDiskOptions): Promise<number> {
  await using undo = new AsyncDisposableStack();
  const work = await openWorkDisk(undo, tree, options);
  const { sizeBytes } = await work.finish();
  await chmod(options.workFile, READ_ONLY_MODE);
  undo.move();
  return sizeBytes;
}

/** A work disk with what the image has in /root, not finished yet. */
async function openWorkDisk(
  undo: AsyncDisposableStack,
  tree: ReadableTree,
  options: WorkDiskOptions,
): Promise<Ext4Writer> {
  const work = await openDisk(undo, options.workFile, {
    ...identity('work', options),
    sizeBytes: workBytes,
    journalBytes: WORK_JOURNAL_BYTES,
  });
  await copyHome(tree, imageWriter(work), options.now);
  return work;
}

/** A new file system, which goes with `undo`. */
async function openDisk(undo: AsyncDisposableStack, file: string, options: Ext4Options): Promise<Ext4Writer> {
  const writer = await openExt4Writer(file, options);
  undo.defer(() => unlink(file));
  return undo.use(writer);
}

function identity(
  label: string,
  { now, random }: Pick<DiskOptions, 'now' | 'random'>,
): Pick<Ext4Options, 'label' | 'now' | 'uuid' | 'hashSeed'> {
  return { label: Buffer.from(label), now, uuid: uuid(random), hashSeed: uuid(random) };
}

/** A random UUID (RFC 9562, version 4). */
function uuid(random: DiskOptions['random']): Buffer {
  const bytes = random(IDENTIFIER_BYTES);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes;
}

/** An image may have /root as a link, which leads to its home; and one that leads to the whole image to none. */
async function copyHome(from: ReadableTree, to: EntryWriter, now: Timestamp): Promise<void> {
  const found = await from.resolve(HOME);
  if (found === undefined || found.inode === ROOT_INODE || (await from.kind(found.inode)) !== 'directory')
    await to.directory(Buffer.alloc(0), { mode: HOME_MODE, uid: 0, gid: 0, modified: now });
  else await copyTree(from, found.inode, to);
}
