import { stat } from 'node:fs/promises';
import { BangerError } from '@banger/contract/error';
import { mistakenImage, TARBALL_HINT } from '../invalid.ts';
import { ArchiveBlobs } from './archive.ts';
import { openDockerArchive } from './docker-archive.ts';
import { FileChunks } from './file-chunks.ts';
import { DirectoryBlobs } from './layout-directory.ts';
import { openLayout } from './oci-layout.ts';
import type { OpenedImage } from './opened-image.ts';
import { isPackedFile, spool, type SpoolOptions } from './spool.ts';

/** An image of this machine. */
export interface LocalImage {
  /** A directory with an OCI layout, or an archive, packed by gzip or zstd or not, of one or of `docker save`. */
  readonly path: string;
  /** Which image of several. */
  readonly reference?: string;
}

/**
 * Opens an image and reads all but its layers. A packed archive is unpacked into the scratch directory, where it is to stay for as long as the
 * image is used. Rejects with `invalid_argument` when there is nothing, `image_invalid`,
 * `image_unsupported` and as `spool` does.
 */
export async function openImage(
  { path, reference }: LocalImage,
  options: SpoolOptions,
): Promise<OpenedImage> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new BangerError('invalid_argument', `There is no image at ${path}.`, { cause });
  });
  if (found.isDirectory()) return openLayout(new DirectoryBlobs(path), reference);
  if (!found.isFile()) throw new BangerError('invalid_argument', `${path} is no file and no directory.`);
  const packed = await isPackedFile(path);
  const archive = await ArchiveBlobs.open(
    packed ? await spool(new FileChunks(path, 0, found.size), options) : path,
  );
  // Newer versions of `docker save` write both; the layout says more.
  if ((await archive.find('oci-layout')) !== undefined) return openLayout(archive, reference);
  if ((await archive.find('manifest.json')) !== undefined) return openDockerArchive(archive, reference);
  throw mistakenImage(`${path} is an archive, but not of an image.`, TARBALL_HINT);
}
