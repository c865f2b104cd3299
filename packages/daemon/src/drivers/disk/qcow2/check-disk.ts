import { constants } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import type { Runner } from '../../../host/runner.ts';
import type { Disk } from '../driver.ts';
import { ext4Bytes } from './ext4-superblock.ts';
import { qcow2Header, type Qcow2Header } from './qcow2-header.ts';
import { checkQcow2, damaged } from './qemu-img.ts';
import { missingImage } from './staged-file.ts';

/** Bytes that a guest sees of a disk. Rejects with `file_damaged` when it is missing, a link, no file, or a root disk that is no qcow2. */
export async function bytesOf({ kind, path }: Disk): Promise<number> {
  const file = await openDisk(path);
  try {
    return kind === 'work' ? (await file.stat()).size : (await qcow2Header(file, path)).virtualBytes;
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
  const file = await openDisk(path);
  try {
    await checkOwnWord(await qcow2Header(file, path), path);
  } finally {
    await file.close();
  }
  // At each start: the file does not tell whether who wrote it last came to the end of it, and a host that crashes harms it unseen.
  await checkQcow2(runner, path);
}

async function checkOwnWord({ base, corrupt, virtualBytes }: Qcow2Header, path: string): Promise<void> {
  if (corrupt) throw damaged(path, 'QEMU has marked it as inconsistent');
  if (base !== undefined) {
    const found = await stat(base).catch((cause: unknown) => {
      throw missingImage(base, cause);
    });
    if (!found.isFile()) throw missingImage(base, undefined);
    if (found.size > virtualBytes) throw damaged(path, `its image ${base} is larger than the disk`);
  }
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
