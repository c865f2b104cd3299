import { randomBytes } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { BangerError } from '@banger/contract/error';
import { vmLimits } from '@banger/contract/vm-limits';
import { checkArtifactName } from '../../../domain/artifact-name.ts';
import { SingleFlight } from '../../../domain/single-flight.ts';
import type { StageContext } from '../../../domain/stage-progress.ts';
import type { ImageRegistrar, RegisterWish, StoredImage } from '../driver.ts';
import { Ext4Tree } from '../ext4/read/ext4-tree.ts';
import { timestampOfMs } from '../ext4/time.ts';
import { IMAGE_MANIFEST_VERSION, wasPulledAs, type FileManifest } from '../manifest.ts';
import { writeWorkDisk } from '../oci/image-disks.ts';
import { bootedInit, factsOf } from '../oci/image-facts.ts';
import { imageFiles, storeManifest, type ImageDirectory } from '../store.ts';
import { copyWhole } from './copy-file.ts';
import { checkUserFile, fileState } from './user-file.ts';

/** Images of root file systems that the user has made. */
export class FileImageRegistrar implements ImageRegistrar {
  readonly #store: ImageDirectory;
  readonly #now: () => number;
  readonly #flights = new SingleFlight<StoredImage>();

  constructor({ store, now }: { readonly store: ImageDirectory; readonly now: () => number }) {
    this.#store = store;
    this.#now = now;
  }

  async register(wish: RegisterWish, context: StageContext): Promise<StoredImage> {
    const { name } = wish;
    checkArtifactName('image', name);
    const path = await userPath(wish.rootfs);
    const image = await this.#flights.run(name, context, async (work) => {
      const here = await this.#store.get(name);
      if (here !== undefined) return here;
      await this.#store.staged.make(
        name,
        () => nameTaken(name),
        (staging) => this.#fill(staging, path, wish, work),
      );
      return this.#made(name);
    });
    if (!wasPulledAs(image.manifest, path)) throw nameTaken(name);
    return image;
  }

  async promote(name: string, refuse: () => void, context: StageContext): Promise<StoredImage> {
    checkArtifactName('image', name);
    return this.#flights.run(name, context, async (work) => {
      const image = await this.#store.get(name);
      if (image === undefined)
        throw new BangerError('image_not_found', `There is no image named "${name}".`, {
          details: { image: name },
        });
      if (image.manifest.source !== 'file' || image.manifest.promoted) return image;
      const { manifest } = image;
      refuse();
      await this.#store.staged.make(name, 'replace', async (staging) => {
        await copyInto(staging, image, manifest, work);
        refuse();
      });
      return this.#made(name);
    });
  }

  async idle(name: string, signal: AbortSignal): Promise<void> {
    return this.#flights.idle(name, signal);
  }

  async #made(name: string): Promise<StoredImage> {
    const image = await this.#store.get(name);
    if (image === undefined)
      throw new BangerError('internal', `The image ${name} was published and is not there.`);
    return image;
  }

  async #fill(
    staging: string,
    path: string,
    { name, kernel }: RegisterWish,
    { signal, onProgress }: StageContext,
  ): Promise<void> {
    onProgress({ stage: 'Reading the root file system', detail: path });
    const file = await fileState(path);
    if (file.bytes > vmLimits.rootBytes.most)
      throw new BangerError(
        'invalid_argument',
        `The file ${path} has ${file.bytes} bytes; a root disk has at most ${vmLimits.rootBytes.most}.`,
      );
    const now = this.#now();
    await using tree = await Ext4Tree.open(path);
    const facts = await factsOf(tree);
    onProgress({ stage: 'Writing the work disk' });
    const workBytes = await writeWorkDisk(tree, {
      workFile: join(staging, imageFiles.workTemplate),
      now: timestampOfMs(now),
      random: randomBytes,
    });
    const manifest: FileManifest = {
      manifest: IMAGE_MANIFEST_VERSION,
      name,
      distribution: facts.osRelease?.id ?? '',
      arch: 'x86_64',
      description: `the file ${path}`,
      source: 'file',
      reference: path,
      file,
      promoted: false,
      shell: facts.shell,
      kernel,
      init: bootedInit(facts),
      rootBytes: file.bytes,
      workBytes,
      contentBytes: file.bytes,
      createdAt: new Date(now).toISOString(),
    };
    // Whoever wrote to it meanwhile had it read in halves.
    await checkUserFile(manifest);
    await storeManifest(staging, manifest, signal);
  }
}

/** The image with a copy of the user's file, as it was when it was registered. */
async function copyInto(
  staging: string,
  { workTemplate }: StoredImage,
  manifest: FileManifest,
  { signal, onProgress }: StageContext,
): Promise<void> {
  const { reference, file } = manifest;
  onProgress({ stage: 'Copying the root file system', detail: reference });
  await copyWhole(reference, join(staging, imageFiles.rootDisk), {
    signal,
    onBytes: (done) =>
      onProgress({ stage: 'Copying the root file system', done, total: file.bytes, unit: 'bytes' }),
  });
  await checkUserFile(manifest);
  onProgress({ stage: 'Storing the image' });
  await copyWhole(workTemplate, join(staging, imageFiles.workTemplate), { signal, onBytes: () => undefined });
  await storeManifest(staging, { ...manifest, promoted: true }, signal);
}

/** Without links on it: one that is turned elsewhere later changes no image. Rejects with `invalid_argument`. */
async function userPath(path: string): Promise<string> {
  if (!isAbsolute(path))
    throw new BangerError('invalid_argument', `The path ${JSON.stringify(path)} is not absolute.`);
  return realpath(path).catch((cause: NodeJS.ErrnoException) => {
    throw new BangerError('invalid_argument', `The file ${path} cannot be read (${cause.code}).`, { cause });
  });
}

function nameTaken(name: string): BangerError {
  return new BangerError('name_taken', `There is an image named "${name}" already, of another origin.`, {
    hint: 'Give this one another name, or delete that one.',
    details: { image: name },
  });
}
