import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BangerError } from '@banger/contract/error';
import { checkArtifactName } from '../../../domain/artifact-name.ts';
import { SingleFlight } from '../../../domain/single-flight.ts';
import type { StageContext } from '../../../domain/stage-progress.ts';
import type { Downloads } from '../../../host/http/download.ts';
import type { ImageOrigin, ImagePuller, ImagePullWish, ImageUploads, StoredImage } from '../driver.ts';
import { timestampOfMs } from '../ext4/time.ts';
import { IMAGE_MANIFEST_VERSION, wasPulledAs, type OciManifest } from '../manifest.ts';
import { convertLayers } from '../oci/convert-image.ts';
import { readingOf } from '../oci/document.ts';
import { readImageConfig } from '../oci/image-config.ts';
import { INIT_PATHS } from '../oci/image-facts.ts';
import { openImage } from '../oci/source/open-image.ts';
import { layersOfFiles, type OpenedImage } from '../oci/source/opened-image.ts';
import type { RegistryClient } from '../registry/client.ts';
import { imageFiles, storeManifest, type ImageDirectory } from '../store.ts';
import { bundleKernel, fillFromBundle, isBundle } from './fill-from-bundle.ts';
import { fillFromTarball } from './fill-from-tarball.ts';
import { readOrigin, type KnownOrigin } from './origin.ts';

/** In the directory of an image that is being made. */
const SCRATCH = 'scratch';
const PRIVATE_MODE = 0o700;
/** In a directory of staging: what was downloaded. */
const FETCHED = 'fetch';

/** Turns images of registries and of this machine into stored ones. */
export class OciImagePuller implements ImagePuller {
  readonly #store: ImageDirectory;
  readonly #registry: RegistryClient;
  readonly #downloads: Downloads;
  readonly #uploads: ImageUploads;
  readonly #now: () => number;
  readonly #flights = new SingleFlight<StoredImage>();

  constructor(options: {
    readonly store: ImageDirectory;
    readonly registry: RegistryClient;
    /** For bundles. */
    readonly downloads: Downloads;
    readonly uploads: ImageUploads;
    readonly now: () => number;
  }) {
    this.#store = options.store;
    this.#registry = options.registry;
    this.#downloads = options.downloads;
    this.#uploads = options.uploads;
    this.#now = options.now;
  }

  origin(text: string): ImageOrigin {
    return readOrigin(text);
  }

  async pull(origin: ImageOrigin, wish: ImagePullWish, context: StageContext): Promise<StoredImage> {
    const { name } = wish;
    checkArtifactName('image', name);
    const known = readOrigin(origin.text);
    const image = await this.#flights.run(name, context, async (work) => {
      const here = await this.#store.get(name);
      if (here !== undefined) return here;
      const taken = (): BangerError => nameTaken(name);
      await this.#store.staged.make(name, taken, (staging) => this.#make(staging, known, wish, work));
      const made = await this.#store.get(name);
      if (made === undefined)
        throw new BangerError('internal', `The image ${name} was published and is not there.`);
      return made;
    });
    if (!wasPulledAs(image.manifest, origin.text)) throw nameTaken(name);
    return image;
  }

  async kernelOf(origin: ImageOrigin): Promise<string | undefined> {
    const known = readOrigin(origin.text);
    if (known.kind === 'bundle') return bundleKernel(known.path);
    if (known.kind !== 'upload' || known.isTarball) return undefined;
    return this.#uploads.use(known.sha256, async (path) =>
      (await isBundle(path)) ? bundleKernel(path) : undefined,
    );
  }

  async idle(name: string, signal: AbortSignal): Promise<void> {
    return this.#flights.idle(name, signal);
  }

  async #make(
    staging: string,
    origin: KnownOrigin,
    wish: ImagePullWish,
    context: StageContext,
  ): Promise<void> {
    if (origin.kind === 'bundle') {
      await fillFromBundle(staging, origin, wish, { ...context, now: this.#now() });
      return;
    }
    if (origin.kind === 'tarball') {
      await fillFromTarball(staging, origin, wish, { ...context, now: this.#now() });
      return;
    }
    if (origin.kind === 'remote bundle') {
      await this.#fetchBundle(staging, origin, wish, context);
      return;
    }
    if (origin.kind === 'upload') {
      await this.#uploads.use(origin.sha256, async (path) =>
        this.#make(staging, await sentOrigin(origin, path), wish, context),
      );
      return;
    }
    await this.#gather(origin, join(staging, SCRATCH), context, (gathered) =>
      this.#fill(staging, origin, wish, gathered, context),
    );
  }

  async #fetchBundle(
    staging: string,
    { text, place }: Extract<KnownOrigin, { kind: 'remote bundle' }>,
    wish: ImagePullWish,
    context: StageContext,
  ): Promise<void> {
    const directory = join(staging, FETCHED);
    await mkdir(directory, { mode: PRIVATE_MODE });
    const path = join(directory, 'bundle');
    const names = { what: `the image ${wish.name}`, stage: `Fetching image ${wish.name}` };
    await this.#downloads.fetch(names, { ...place, bytes: wish.bytes }, path, context);
    await fillFromBundle(staging, { text, path }, wish, { ...context, now: this.#now() });
    await rm(directory, { recursive: true });
  }

  /** Keeps the layers here for as long as `work` is at it; what had to be unpacked for them lies in `scratch`. */
  async #gather(
    origin: Extract<KnownOrigin, { kind: 'registry' | 'local' }>,
    scratch: string,
    context: StageContext,
    work: (gathered: OpenedImage) => Promise<void>,
  ): Promise<void> {
    if (origin.kind === 'local') {
      context.onProgress({ stage: 'Reading the image', detail: origin.image.path });
      await mkdir(scratch, { mode: PRIVATE_MODE });
      await work(await openImage(origin.image, { ...context, scratch }));
      await rm(scratch, { recursive: true });
      return;
    }
    const { reference } = origin;
    context.onProgress({ stage: 'Asking the registry', detail: reference.host });
    const { digest, config: document, layers } = await this.#registry.image(reference, context);
    const { config, diffIds } = readingOf(`The image ${origin.text}`, () => readImageConfig(document));
    // Their number is right or wrong before any is here.
    layersOfFiles(
      layers.map((layer) => ({ ...layer, path: '' })),
      diffIds,
    );
    await this.#registry.withBlobs(reference, layers, context, (paths) => {
      const files = layers.map((layer, at) => ({ ...layer, path: paths[at] ?? '' }));
      return work({ digest, config, layers: layersOfFiles(files, diffIds) });
    });
  }

  async #fill(
    staging: string,
    origin: KnownOrigin,
    { name, kernel, rootBytes }: ImagePullWish,
    { digest, config, layers }: OpenedImage,
    { signal, onProgress }: StageContext,
  ): Promise<void> {
    const { facts, ...sizes } = await convertLayers(layers, {
      rootFile: join(staging, imageFiles.rootDisk),
      workFile: join(staging, imageFiles.workTemplate),
      ...(rootBytes === undefined ? {} : { rootBytes }),
      now: timestampOfMs(this.#now()),
      random: randomBytes,
      signal,
      onProgress,
    });
    onProgress({ stage: 'Storing the image' });
    const manifest: OciManifest = {
      manifest: IMAGE_MANIFEST_VERSION,
      name,
      distribution: facts.osRelease?.id ?? '',
      arch: 'x86_64',
      description: origin.text,
      source: 'oci',
      reference: origin.text,
      digest,
      layers: layers.map(({ digest: packed, diffId, size }) => ({
        digest: packed ?? diffId,
        bytes: size,
      })),
      config,
      shell: facts.shell,
      kernel,
      init: initOf(config, facts.init),
      ...sizes,
      createdAt: new Date(this.#now()).toISOString(),
    };
    await storeManifest(staging, manifest, signal);
  }
}

/** What a client has sent, now that it lies in a file. */
async function sentOrigin(
  origin: Extract<KnownOrigin, { kind: 'upload' }>,
  path: string,
): Promise<KnownOrigin> {
  if (origin.isTarball) return { ...origin, kind: 'tarball', path };
  if (await isBundle(path)) return { ...origin, kind: 'bundle', path };
  return { ...origin, kind: 'local', image: { path } };
}

/** An image whose command is an init system gets it as PID 1; that one is merely installed means nothing. */
function initOf({ entrypoint, cmd }: OpenedImage['config'], init: string | undefined): string {
  const [command = ''] = [...entrypoint, ...cmd];
  return init !== undefined && INIT_PATHS.includes(command) ? init : 'agent';
}

function nameTaken(name: string): BangerError {
  return new BangerError('name_taken', `There is an image named "${name}" already, of another origin.`, {
    hint: 'Give this one another name with --name, or delete that one.',
    details: { image: name },
  });
}
