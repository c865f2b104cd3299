import { constants } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import type { Runner } from '../../../host/runner.ts';
import type { Disk } from '../driver.ts';
import { ext4Bytes } from './ext4-superblock.ts';
import { checkQcow2, damaged, qcow2Info } from './qemu-img.ts';
import { missingImage } from './staged-file.ts';

/** What a qcow2 file begins with, and where its virtual size stands: QEMU's `docs/interop/qcow2.txt`. */
const QCOW2_MAGIC = Buffer.from('QFI\xfb', 'latin1');
const QCOW2_SIZE_AT = 24;
const QCOW2_HEADER_BYTES = QCOW2_SIZE_AT + 8;

/** Bytes that a guest sees of a disk. Rejects with `file_damaged` when it is missing, a link, no file, or a root disk that is no qcow2. */
export async function bytesOf({ kind, path }: Disk): Promise<number> {
  const file = await openDisk(path);
  try {
    return kind === 'work' ? (await file.stat()).size : await virtualBytes(file, path);
  } finally {
    await file.close();
  }
}

/** See `DiskDriver.check`. */
export async function checkDisk(runner: Runner, { kind, path }: Disk): Promise<void> {
  if (kind === 'work') {
    await checkRaw(path);
    return;
  }
  // Before a program that would follow a link.
  await (await openDisk(path)).close();
  await checkOverlay(runner, path);
}

/** A qcow2 file is written by QEMU: its guest sees only the content. */
async function virtualBytes(file: FileHandle, path: string): Promise<number> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(QCOW2_HEADER_BYTES), 0, QCOW2_HEADER_BYTES, 0);
  if (bytesRead < QCOW2_HEADER_BYTES) throw damaged(path, 'it is cut short');
  if (!buffer.subarray(0, QCOW2_MAGIC.length).equals(QCOW2_MAGIC)) throw damaged(path, 'it is no qcow2 file');
  return Number(buffer.readBigUInt64BE(QCOW2_SIZE_AT));
}

async function checkOverlay(runner: Runner, path: string): Promise<void> {
  const { base, corrupt, virtualBytes } = await qcow2Info(runner, path);
  if (corrupt) throw damaged(path, 'QEMU has marked it as inconsistent');
  if (base !== undefined) {
    const found = await stat(base).catch((cause: unknown) => {
      throw missingImage(base, cause);
    });
    if (!found.isFile()) throw missingImage(base, undefined);
    if (found.size > virtualBytes) throw damaged(path, `its image ${base} is larger than the disk`);
  }
  await checkQcow2(runner, path);
}

/**
 * Sees that the file holds the whole of an ext4 file system. Its content is the guest's: it is left to the guest's kernel to
 * repair, and no program of the host parses it, whatever it looks like.
 */
async function checkRaw(path: string): Promise<void> {
  const file = await openDisk(path);
  try {
    const { size } = await file.stat();
    const bytes = await ext4Bytes(file);
    if (bytes === undefined) throw damaged(path, 'there is no ext4 file system in it');
    if (bytes > size) throw damaged(path, `it has ${size} bytes and its file system ${bytes}`);
  } finally {
    await file.close();
  }
}

async function openDisk(path: string): Promise<FileHandle> {
  let file;
  try {
    // Without waiting for a writer where somebody put a FIFO.
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw damaged(path, code === 'ENOENT' ? 'it is missing' : `it cannot be opened (${code})`, cause);
  }
  if ((await file.stat()).isFile()) return file;
  await file.close();
  throw damaged(path, 'it is no file');
}
