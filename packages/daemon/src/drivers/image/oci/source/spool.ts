import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { BangerError } from '@banger/contract/error';
import type { StageContext } from '../../../../domain/stage-progress.ts';
import { writeAt } from '../../ext4/block-sink.ts';
import { ByteBudget } from '../byte-budget.ts';
import { decompressed, isPacked } from '../decompress.ts';
import { unsupportedImage } from '../invalid.ts';

const FILE_MODE = 0o600;
const MAGIC_BYTES = 8;
/** What nobody packs images with but by hand, and Node cannot unpack. */
const OTHERS = [
  { name: 'xz', magic: Buffer.from('fd377a585a00', 'hex') },
  { name: 'bzip2', magic: Buffer.from('BZh') },
];

/** Where a packed archive is unpacked to. */
export interface SpoolOptions extends StageContext {
  /** A private directory, which the caller removes when the image is not needed any more. */
  readonly scratch: string;
}

/**
 * Writes an archive to a file of its own, and unpacks it on the way when gzip or zstd packed it. Rejects with `image_invalid` (damaged, or larger than
 * any image), `disk_full`, `cancelled`. Progress is in bytes, unpacked.
 */
export async function spool(
  source: AsyncIterable<Buffer>,
  { scratch, signal, onProgress }: SpoolOptions,
): Promise<string> {
  const path = join(scratch, 'image.tar');
  const budget = new ByteBudget();
  await using file = await open(path, 'wx', FILE_MODE);
  let position = 0;
  for await (const chunk of decompressed(source)) {
    if (signal.aborted) throw new BangerError('cancelled', 'Unpacking the image was cancelled.');
    budget.spend(chunk.length);
    await writeAt(file, chunk, position);
    position += chunk.length;
    onProgress({ stage: 'Unpacking the archive', done: position, unit: 'bytes' });
  }
  return path;
}

/** True when a file is packed by what can be unpacked. Rejects with `image_unsupported` when it is packed by something else. */
export async function isPackedFile(path: string): Promise<boolean> {
  return isPacked(await readStart(path));
}

/** Rejects with `image_unsupported` when a file is packed by what cannot be unpacked. */
export async function checkPacking(path: string): Promise<void> {
  await readStart(path);
}

async function readStart(path: string): Promise<Buffer> {
  await using file = await open(path, 'r');
  const { bytesRead, buffer } = await file.read(Buffer.alloc(MAGIC_BYTES), 0, MAGIC_BYTES, 0);
  const head = buffer.subarray(0, bytesRead);
  for (const { name, magic } of OTHERS)
    if (head.subarray(0, magic.length).equals(magic))
      throw unsupportedImage(`The archive is packed by ${name}; gzip and zstd are what can be unpacked.`);
  return head;
}
