import { mkdir, open, rename, type FileHandle } from 'node:fs/promises';
import { BangerError, isBangerError } from '@banger/contract/error';
import { isDiskFull } from '../../host/disk-full.ts';
import { fileSink } from '../../host/http/file-sink.ts';
import type { Runner } from '../../host/runner.ts';
import type { ArchiveReaders } from './archive-readers.ts';
import { findDebData, isDeb, type DebData } from './deb.ts';
import { contentRoot, extractFiles } from './extract.ts';
import { filePieces } from '../../host/file-pieces.ts';
import { unpackXz, XZ_MAGIC } from './xz.ts';

/** An unpacked tar of a kernel with debug data in every module has some 5 GB. */
const MOST_TAR_BYTES = 8 * 1024 ** 3;
/** What a header of a tar archive says of itself, and where (tar(5)). */
const TAR_MAGIC = { at: 257, text: 'ustar' } as const;

/** Enough to tell what it is. */
const HEAD_BYTES = 8;

/** What unpacking needs. */
export interface UnpackTools {
  readonly runner: Runner;
  readonly readers: ArchiveReaders;
  readonly signal: AbortSignal;
}

/**
 * Makes of a downloaded file what `findKernelFiles` can look at, told by its content alone: a Debian package or a tar archive (plain,
 * gzip, zstd or xz) is unpacked into `directory`, which is made; all else is taken for a kernel and left. Answers the path to look at.
 * `shown` is the file as people know it. Rejects with `kernel_invalid`.
 */
export async function unpackKernel(
  file: string,
  directory: string,
  shown: string,
  tools: UnpackTools,
): Promise<string> {
  try {
    return await unpack(file, directory, tools);
  } catch (error) {
    if (!isOfTheFile(error)) throw error;
    const message = (error as Error).message;
    throw new BangerError('kernel_invalid', `${shown} cannot be unpacked: ${message.replace(/\.$/, '')}.`, {
      cause: error,
      hint: 'It must be a bzImage, a vmlinux, a Debian package, or a tar archive (plain, gzip, zstd, xz) of a kernel and its modules.',
    });
  }
}

/** False for what the machine or the caller is to blame for. */
function isOfTheFile(error: unknown): boolean {
  if (isDiskFull(error)) return false;
  if (isBangerError(error)) return error.code === 'image_invalid' || error.code === 'command_failed';
  return typeof (error as NodeJS.ErrnoException).syscall !== 'string';
}

async function unpack(path: string, directory: string, tools: UnpackTools): Promise<string> {
  const { readers, signal } = tools;
  const part = await archivePart(path, tools);
  const file = await open(part.path, 'r');
  try {
    const pieces = (): AsyncIterable<Buffer> =>
      readers.decompressed(filePieces(file, part.start, part.bytes));
    if (!(await beginsAsTar(pieces()))) {
      if (part.isPackage) throw new Error('its files are in no tar archive');
      return part.path;
    }
    await mkdir(directory, { mode: 0o700 });
    await extractFiles(readers.readTar(pieces()), directory, signal);
    return await contentRoot(directory);
  } finally {
    await file.close();
  }
}

/** Where the archive is, if it is one: in a package, the member with its files; what is packed by xz is unpacked beside it. */
async function archivePart(
  path: string,
  { runner, signal }: UnpackTools,
): Promise<DebData & { readonly path: string; readonly isPackage: boolean }> {
  const file = await open(path, 'r');
  try {
    const isPackage = isDeb(await headOf(file, 0));
    const part = isPackage ? await findDebData(file) : { start: 0, bytes: (await file.stat()).size };
    const isXz = (await headOf(file, part.start)).subarray(0, XZ_MAGIC.length).equals(XZ_MAGIC);
    if (!isXz) return { ...part, path, isPackage };
    const plain = `${path}.plain`;
    if (isPackage) await copyPart(file, part, `${plain}.xz`);
    else await rename(path, `${plain}.xz`);
    await unpackXz(plain, { runner, signal, maxBytes: MOST_TAR_BYTES });
    return { start: 0, bytes: MOST_TAR_BYTES, path: plain, isPackage };
  } finally {
    await file.close();
  }
}

async function headOf(file: FileHandle, at: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_BYTES), 0, HEAD_BYTES, at);
  return buffer.subarray(0, bytesRead);
}

async function copyPart(from: FileHandle, { start, bytes }: DebData, to: string): Promise<void> {
  const file = await open(to, 'w');
  try {
    const sink = fileSink(file);
    for await (const piece of filePieces(from, start, bytes)) await sink.write(piece);
  } finally {
    await file.close();
  }
}

async function beginsAsTar(pieces: AsyncIterable<Buffer>): Promise<boolean> {
  const end = TAR_MAGIC.at + TAR_MAGIC.text.length;
  let head = Buffer.alloc(0);
  for await (const piece of pieces) {
    head = Buffer.concat([head, piece.subarray(0, end)]);
    if (head.length >= end) break;
  }
  return head.toString('latin1', TAR_MAGIC.at, end) === TAR_MAGIC.text;
}
