import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { isBangerError } from '@banger/contract/error';
import type { StageContext } from '../../../domain/stage-progress.ts';
import { beginsAsBundle, Bundle } from '../bundle/read-bundle.ts';
import type { ImagePullWish } from '../driver.ts';
import { timestampOfMs } from '../ext4/time.ts';
import { IMAGE_MANIFEST_VERSION, type BundleImageManifest } from '../manifest.ts';
import { writeImageDisks } from '../oci/image-disks.ts';
import { invalidImage } from '../oci/invalid.ts';
import { FileChunks } from '../oci/source/file-chunks.ts';
import { imageFiles, storeManifest } from '../store.ts';
import { fileBytes, toldChunks, type PulledFile } from './pulled-file.ts';

const WHAT = 'bundle';

/** True for a file that begins as bundles do; any other is for another reader to judge. */
export async function isBundle(path: string): Promise<boolean> {
  const bytes = await fileBytes(WHAT, path);
  return beginsAsBundle(new FileChunks(path, 0, bytes));
}

/** The kernel that a bundle asks for. Rejects with `invalid_argument` when there is no file, and as `Bundle.open` does. */
export async function bundleKernel(path: string): Promise<string> {
  const bytes = await fileBytes(WHAT, path);
  return (await Bundle.open(() => new FileChunks(path, 0, bytes))).manifest.kernel;
}

/**
 * Makes the disks and the manifest of an image from a bundle, in a directory of staging. Nothing of the file system that the bundle was made of
 * comes along: both disks are written here, from its entries. Rejects as `bundleKernel` does, and with `image_invalid` for
 * what is not as the manifest says, `invalid_argument` (a wished size that is too small), `disk_full`, `cancelled`.
 */
export async function fillFromBundle(
  staging: string,
  { text, path }: PulledFile,
  { name, kernel, rootBytes }: ImagePullWish,
  { signal, onProgress, now }: StageContext & { readonly now: number },
): Promise<void> {
  onProgress({ stage: 'Reading the bundle', detail: path });
  const bytes = await fileBytes(WHAT, path);
  const bundle = await Bundle.open(() => toldChunks(path, bytes, onProgress));
  const { manifest } = bundle;
  const { facts, ...sizes } = await writeImageDisks(() => [bundle.layer(signal)], {
    rootFile: join(staging, imageFiles.rootDisk),
    workFile: join(staging, imageFiles.workTemplate),
    rootBytes: rootBytes ?? manifest.rootBytes,
    now: timestampOfMs(now),
    random: randomBytes,
    signal,
  }).catch((error: unknown) => {
    throw rootBytes === undefined ? blamingBundle(error) : error;
  });
  onProgress({ stage: 'Storing the image' });
  const stored: BundleImageManifest = {
    manifest: IMAGE_MANIFEST_VERSION,
    name,
    distribution: facts.osRelease?.id ?? manifest.distribution,
    arch: manifest.arch,
    description: manifest.description,
    source: 'bundle',
    reference: text,
    digest: `sha256:${bundle.sha256 ?? ''}`,
    config: manifest.config,
    shell: facts.shell,
    kernel,
    init: manifest.init,
    ...sizes,
    createdAt: new Date(now).toISOString(),
  };
  await storeManifest(staging, stored, signal);
}

/** A size that nobody but the bundle has named is its fault. */
function blamingBundle(error: unknown): unknown {
  const isTooSmall = isBangerError(error, 'invalid_argument') && 'needed' in error.details;
  return isTooSmall ? invalidImage(`The bundle names a size that is wrong: ${error.message}`, error) : error;
}
