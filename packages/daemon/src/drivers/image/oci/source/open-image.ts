import { stat } from 'node:fs/promises';
import { BangerError } from '@banger/contract/error';
import { invalidImage } from '../invalid.ts';
import { ArchiveBlobs } from './archive.ts';
import { openDockerArchive } from './docker-archive.ts';
import { DirectoryBlobs } from './layout-directory.ts';
import { openLayout } from './oci-layout.ts';
import type { OpenedImage } from './opened-image.ts';

/** An image of this machine. */
export interface LocalImage {
  /** A directory with an OCI layout, or an archive (not packed) of one or of `docker save`. */
  readonly path: string;
  /** Which image of several. */
  readonly reference?: string;
}

/**
 * Opens an image and reads all but its layers. Rejects with `invalid_argument` when there is nothing, `image_invalid` and
 * `image_unsupported`.
 */
export async function openImage({ path, reference }: LocalImage): Promise<OpenedImage> {
  const found = await stat(path).catch((cause: unknown) => {
    throw new BangerError('invalid_argument', `There is no image at ${path}.`, { cause });
  });
  if (found.isDirectory()) return openLayout(new DirectoryBlobs(path), reference);
  if (!found.isFile()) throw new BangerError('invalid_argument', `${path} is no file and no directory.`);
  const archive = await ArchiveBlobs.open(path);
  // Newer versions of `docker save` write both; the layout says more.
  if ((await archive.find('oci-layout')) !== undefined) return openLayout(archive, reference);
  if ((await archive.find('manifest.json')) !== undefined) return openDockerArchive(archive, reference);
  throw invalidImage(`${path} is an archive, but not of an image.`);
}
