import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { StageContext } from '../../../domain/stage-progress.ts';
import type { ImagePullWish } from '../driver.ts';
import { timestampOfMs } from '../ext4/time.ts';
import { IMAGE_MANIFEST_VERSION, type TarballManifest } from '../manifest.ts';
import { writeImageDisks } from '../oci/image-disks.ts';
import { bootedInit } from '../oci/image-facts.ts';
import { checkPacking } from '../oci/source/spool.ts';
import { imageFiles, storeManifest } from '../store.ts';
import { Tarball } from '../tarball/read-tarball.ts';
import { fileBytes, toldChunks, type PulledFile } from './pulled-file.ts';

/**
 * Makes the disks and the manifest of an image from a plain archive of a root file system, in a directory of staging. Rejects with
 * `invalid_argument` (no such file, or a wished size that is too small), `image_invalid`, `image_unsupported`, `disk_full`, `cancelled`.
 */
export async function fillFromTarball(
  staging: string,
  { text, path }: PulledFile,
  { name, kernel, rootBytes }: ImagePullWish,
  { signal, onProgress, now }: StageContext & { readonly now: number },
): Promise<void> {
  onProgress({ stage: 'Reading the archive', detail: path });
  const bytes = await fileBytes('archive', path);
  await checkPacking(path);
  const tarball = new Tarball(() => toldChunks(path, bytes, onProgress));
  const { facts, ...sizes } = await writeImageDisks(() => [tarball.layer(signal)], {
    rootFile: join(staging, imageFiles.rootDisk),
    workFile: join(staging, imageFiles.workTemplate),
    ...(rootBytes === undefined ? {} : { rootBytes }),
    now: timestampOfMs(now),
    random: randomBytes,
    signal,
  });
  onProgress({ stage: 'Storing the image' });
  const stored: TarballManifest = {
    manifest: IMAGE_MANIFEST_VERSION,
    name,
    distribution: facts.osRelease?.id ?? '',
    arch: 'x86_64',
    description: text,
    source: 'tarball',
    reference: text,
    digest: `sha256:${tarball.sha256 ?? ''}`,
    shell: facts.shell,
    kernel,
    init: bootedInit(facts),
    ...sizes,
    createdAt: new Date(now).toISOString(),
  };
  await storeManifest(staging, stored, signal);
}
