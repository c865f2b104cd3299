import { BangerError, isBangerError, toBangerError } from '@banger/contract/error';
import type { ImageView } from '@banger/contract/image';
import type { KernelChoice } from '@banger/contract/kernel';
import type { Logger } from 'pino';
import { isArtifactName } from '../domain/artifact-name.ts';
import type { StageContext } from '../domain/stage-progress.ts';
import { DEFAULT_KERNEL } from '../domain/vm-defaults.ts';
import type {
  ImageBuilder,
  ImageCatalog,
  ImageCatalogEntry,
  ImageCatalogs,
  ImageExporter,
  ImageOrigin,
  ImagePuller,
  ImageRegistrar,
  ImageUploads,
  ImageStore,
  StoredImage,
} from '../drivers/image/driver.ts';
import type { VmRepository } from '../store/vm-repository.ts';
import { hereOtherwise, knownNowhere, notHere, refuseUsed, saidByCatalog } from './image-refusals.ts';
import { catalogView, leastRootBytes, storedView } from './image-view.ts';
import type { KernelService } from './kernel.ts';
import { underLock } from './lock-order.ts';
import { tell } from './operation.ts';
import { inStages } from './stages.ts';

/** What must be known of an image to plan a VM with it. */
export interface ImageOutlook {
  /** Of the image that is here; else what it is asked for by. */
  readonly name: string;
  /** What it is called here, or would be. */
  readonly storedAs: string;
  readonly present: boolean;
  readonly source: string;
  readonly kernel: string;
  /** The least root disk for it; 0 when it is not here yet. */
  readonly leastRootBytes: number;
}

/** What a user may say of an image to be pulled. */
export interface ImagePull {
  readonly image: string;
  readonly name?: string | undefined;
  readonly rootBytes?: number | undefined;
  readonly kernel?: KernelChoice | undefined;
}

/** What a user may say of a file that is to be an image. */
export interface ImageRegistration {
  readonly name: string;
  /** Absolute path of an ext4 file system. */
  readonly rootfs: string;
  readonly kernel?: KernelChoice | undefined;
}

/** What a text stands for: an image that is here, or one that can be fetched. */
type Found =
  | { readonly stored: StoredImage }
  | { readonly entry: ImageCatalogEntry }
  | { readonly origin: ImageOrigin };

/** What images are made from and kept in. */
export interface ImageServiceDeps {
  readonly store: ImageStore;
  readonly catalogs: ImageCatalogs;
  readonly builder: ImageBuilder;
  readonly puller: ImagePuller;
  readonly exporter: ImageExporter;
  readonly registrar: ImageRegistrar;
  readonly uploads: ImageUploads;
  readonly kernels: Pick<KernelService, 'forImage' | 'isOf'>;
  readonly vms: Pick<VmRepository, 'list'>;
  readonly log: Logger;
}

/**
 * Images: what is here, what can be had, and who uses what. An image is asked for by its name here, by its name in the catalog, or
 * by what it was pulled as, in this order.
 */
export class ImageService {
  readonly #deps: ImageServiceDeps;

  constructor(deps: ImageServiceDeps) {
    this.#deps = deps;
  }

  /** Refuses, with `invalid_argument`, what no image can be asked for by. */
  check(image: string): void {
    if (!isArtifactName(image)) this.#deps.puller.origin(image);
  }

  /** What is known of an image without fetching it; `image_not_found` when it can be had nowhere. */
  async look(image: string): Promise<ImageOutlook> {
    const found = await this.#find(image);
    if ('stored' in found) {
      const { name, source, kernel } = found.stored.manifest;
      return {
        name,
        storedAs: name,
        present: true,
        source,
        kernel,
        leastRootBytes: leastRootBytes(found.stored),
      };
    }
    const { source, kernel } =
      'entry' in found
        ? { source: found.entry.sources[0]?.type ?? '', kernel: found.entry.kernel }
        : { source: 'oci', kernel: await this.#kernelOf(found.origin) };
    const storedAs = 'entry' in found ? found.entry.name : await this.#freeName(found.origin);
    return { name: image, storedAs, present: false, source, kernel, leastRootBytes: 0 };
  }

  /** The image, fetched first when it is not here; says so. */
  async ensure(image: string, signal: AbortSignal): Promise<StoredImage> {
    const found = await this.#find(image);
    if ('stored' in found) return found.stored;
    const doing = 'entry' in found ? doingOf(found.entry) : `pulling ${found.origin.text}`;
    tell({ stage: `Image ${image} is not here yet: ${doing}`, level: 'notice' });
    return this.#fetch(found, { image }, signal);
  }

  /**
   * The image of a VM that was made of it, by its name here; one of the catalog is built anew. No registry is asked: what it has under such a
   * name would be another image.
   */
  async ofVm(name: string, signal: AbortSignal): Promise<StoredImage> {
    const stored = await this.#deps.store.get(name);
    if (stored !== undefined) return stored;
    if ((await this.#entry(name)) === undefined) throw notHere(name);
    return this.ensure(name, signal);
  }

  /** Fetches an image; one that is here already is left as it is, and refused when it is wished for in another way. */
  async pull(wish: ImagePull, signal: AbortSignal): Promise<ImageView> {
    const found = await this.#find(wish.image);
    if ('stored' in found && (wish.name === undefined || wish.name === found.stored.manifest.name)) {
      const { manifest } = found.stored;
      if (!isAsWished(found.stored, wish)) throw hereOtherwise(found.stored, wish.image);
      if (!(await this.#hasKernelOf(found.stored, wish))) throw hereOtherwise(found.stored, wish.image, true);
      const digest = 'digest' in manifest ? ` (${manifest.digest})` : '';
      tell({ stage: `Image ${manifest.name}${digest} is here already: nothing is fetched`, level: 'notice' });
      return this.#viewOf(found.stored);
    }
    const stored = await this.#fetch(this.#wanted(found, wish), wish, signal);
    // It may be what somebody else has fetched meanwhile.
    if (!isAsWished(stored, wish)) throw hereOtherwise(stored, wish.image);
    return this.#viewOf(stored);
  }

  /** Takes a file that a client sends, and gives the SHA-256 by which it is pulled: `upload:HEX`, or `tarball:upload:HEX`. It goes when that client does. */
  receive(bytes: AsyncIterable<Buffer>, gone: AbortSignal): Promise<string> {
    return this.#deps.uploads.receive(bytes, gone);
  }

  /** Takes down that a file of the user is an image; it stays where it is, and must not change from then on. */
  async register({ name, rootfs, kernel }: ImageRegistration, signal: AbortSignal): Promise<ImageView> {
    const { registrar, kernels, log } = this.#deps;
    const stored = await kernels.forImage(name, kernel, DEFAULT_KERNEL, signal, (chosen) =>
      underLock('pull lock', `image ${name}`, () =>
        inStages(log, (onProgress) =>
          registrar.register({ name, rootfs, kernel: chosen }, { signal, onProgress }),
        ),
      ),
    );
    return this.#viewOf(stored);
  }

  /** Takes a copy of a registered file into our care. Refused with `image_in_use` while a VM has the file itself below its disk. */
  async promote(image: string, signal: AbortSignal): Promise<ImageView> {
    const { registrar, log } = this.#deps;
    const found = await this.#find(image);
    if (!('stored' in found)) throw notHere(image);
    const { name, source } = found.stored.manifest;
    if (source !== 'file')
      throw new BangerError('invalid_argument', `The image ${name} is in the care of banger already.`, {
        hint: 'Only an image that was registered has a file of yours.',
      });
    const refuse = (): void => refuseUsed(name, this.#usersOf(name));
    const stored = await underLock('pull lock', `image ${name}`, () =>
      inStages(log, (onProgress) => registrar.promote(name, refuse, { signal, onProgress })),
    );
    return this.#viewOf(stored);
  }

  /** Refuses, with `image_invalid`, to use what is over an image again when that is a file of the user and not as it was. */
  checkBase(name: string): Promise<void> {
    return this.#deps.store.checkBase(name);
  }

  async list(available: boolean): Promise<ImageView[]> {
    const { images, damaged } = await this.#deps.store.list();
    for (const { name, reason } of damaged)
      tell({ stage: `Image ${name} is damaged: ${reason}`, level: 'warning' });
    const here = images.map((image) => this.#viewOf(image));
    if (!available) return here;
    const names = new Set(here.map((image) => image.name));
    const { entries, unreadable } = await this.#deps.catalogs.read();
    for (const { message } of unreadable) tell({ stage: message, level: 'warning' });
    const rest = entries.filter((entry) => !names.has(entry.name)).map(catalogView);
    return [...here, ...rest].toSorted((a, b) => a.name.localeCompare(b.name));
  }

  async show(image: string): Promise<ImageView> {
    const found = await this.#find(image);
    if ('stored' in found) return this.#viewOf(found.stored);
    if ('entry' in found) return catalogView(found.entry);
    throw notHere(image);
  }

  /**
   * An image as the bytes of a bundle, and the name that it has. One that is deleted while it is read is given to its end. What is read
   * rejects with `image_invalid`, `image_unsupported` or `cancelled`.
   */
  async export(
    image: string,
  ): Promise<{ readonly name: string; bytes(signal: AbortSignal): AsyncIterable<Buffer> }> {
    const found = await this.#find(image);
    if (!('stored' in found)) throw notHere(image);
    const { stored } = found;
    return {
      name: stored.manifest.name,
      bytes: (signal) => this.#deps.exporter.bundle(stored, signal),
    };
  }

  /** Refused with `image_in_use` while a VM has it. */
  async delete(image: string, signal: AbortSignal): Promise<void> {
    const { store } = this.#deps;
    const name = await this.#nameOf(image, signal);
    const stored = await store.get(name).catch((error: unknown) => {
      // One that is damaged can only be removed.
      if (!isBangerError(error, 'image_invalid')) throw error;
      return undefined;
    });
    refuseUsed(name, this.#usersOf(name, stored));
    await store.remove(name);
  }

  async #find(image: string): Promise<Found> {
    const { store, puller } = this.#deps;
    if (isArtifactName(image)) {
      const named = await store.get(image);
      if (named !== undefined) return { stored: named };
      const entry = await this.#entry(image);
      if (entry !== undefined) return { entry };
    }
    let origin: ImageOrigin;
    try {
      origin = puller.origin(image);
    } catch (thrown) {
      const cause = toBangerError(thrown);
      throw new BangerError(
        'image_not_found',
        `There is no image named ${JSON.stringify(image)}, here or in the catalog, and nothing can be pulled by that name: ${cause.message}`,
        { cause, details: { image } },
      );
    }
    const { images } = await store.list();
    const pulled = images.find((stored) => pulledAs(stored, origin));
    return pulled === undefined ? { origin } : { stored: pulled };
  }

  /**
   * The image of a catalog by its name; undefined when none has it. Rejects with `config_invalid` when it may be in one that cannot be read:
   * what a registry has under that name would be another image.
   */
  async #entry(image: string): Promise<ImageCatalogEntry | undefined> {
    const { entries, unreadable }: ImageCatalog = await this.#deps.catalogs.read();
    const entry = entries.find(({ name }) => name === image);
    if (entry === undefined && unreadable[0] !== undefined) throw unreadable[0];
    return entry;
  }

  /** The name of an image that is here, be it damaged, once nobody fetches it any more. */
  async #nameOf(image: string, signal: AbortSignal): Promise<string> {
    const { store, builder, puller, registrar } = this.#deps;
    if (isArtifactName(image)) {
      await underLock('pull lock', `image ${image}`, async () => {
        for (const maker of [builder, puller, registrar]) await maker.idle(image, signal);
      });
      const { images, damaged } = await store.list();
      if ([...images.map(({ manifest }) => manifest), ...damaged].some(({ name }) => name === image))
        return image;
    }
    const found = await this.#find(image);
    if ('stored' in found) return found.stored.manifest.name;
    throw notHere(image);
  }

  /** Whether the kernel of an image is of the files that are wished for, where any are. */
  async #hasKernelOf({ manifest: { name, kernel } }: StoredImage, wish: ImagePull): Promise<boolean> {
    if (wish.kernel === undefined || 'ref' in wish.kernel) return true;
    return kernel === name && (await this.#deps.kernels.isOf(name, wish.kernel));
  }

  /** What of an image that is here under another name is to be fetched once more. */
  #wanted(found: Found, { image, name, rootBytes, kernel }: ImagePull): Exclude<Found, { stored: unknown }> {
    const again = 'stored' in found ? { origin: this.#originOf(found.stored) } : found;
    const said = [name, rootBytes, kernel].some((value) => value !== undefined);
    if ('entry' in again && said) throw saidByCatalog(image);
    return again;
  }

  /** Where the image that is here came from: by its name here a registry has another one, if it has any. */
  #originOf({ manifest }: StoredImage): ImageOrigin {
    if (manifest.source !== 'recipe' && manifest.source !== 'file')
      return this.#deps.puller.origin(manifest.reference);
    const what = manifest.source === 'recipe' ? 'was built here' : 'is a file of yours';
    throw new BangerError(
      'invalid_argument',
      `The image ${manifest.name} ${what}: it cannot be pulled under another name.`,
    );
  }

  async #fetch(
    found: Exclude<Found, { stored: unknown }>,
    { image, name, rootBytes, kernel }: ImagePull,
    signal: AbortSignal,
  ): Promise<StoredImage> {
    const { puller, kernels, log } = this.#deps;
    if ('entry' in found) {
      const { entry } = found;
      return kernels.forImage(entry.name, undefined, entry.kernel, signal, (chosen) =>
        underLock('pull lock', `image ${entry.name}`, () =>
          inStages(log, (onProgress) => this.#fromSources(entry, chosen, { signal, onProgress })),
        ),
      );
    }
    const { origin } = found;
    const free = name ?? (await this.#freeName(origin));
    const otherwise = kernel === undefined ? await this.#kernelOf(origin) : DEFAULT_KERNEL;
    const stored = await kernels
      .forImage(free, kernel, otherwise, signal, (chosen) =>
        underLock('pull lock', `image ${free}`, () =>
          inStages(log, (onProgress) =>
            puller.pull(origin, { name: free, rootBytes, kernel: chosen }, { signal, onProgress }),
          ),
        ),
      )
      .catch((thrown: unknown) => {
        throw isArtifactName(image) ? knownNowhere(image, toBangerError(thrown)) : thrown;
      });
    tell({ stage: pulledText(stored), level: 'notice' });
    return stored;
  }

  /** From the first of its sources that works; why another did not is told as a warning. */
  async #fromSources(
    { name, sources }: ImageCatalogEntry,
    kernel: string,
    context: StageContext,
  ): Promise<StoredImage> {
    const { builder, puller } = this.#deps;
    for (const [index, { type, text, ...known }] of sources.entries()) {
      try {
        if (type === 'recipe') return await builder.build(name, context);
        return await puller.pull(
          puller.origin(text),
          { name, kernel, rootBytes: undefined, ...known },
          context,
        );
      } catch (error) {
        const next = sources[index + 1];
        // A disk that is full for one source is full for all.
        if (
          next === undefined ||
          context.signal.aborted ||
          !isBangerError(error) ||
          error.code === 'disk_full'
        )
          throw error;
        context.onProgress({ stage: `${error.message} Trying ${next.text}.`, level: 'warning' });
      }
    }
    throw new BangerError('internal', `The image ${name} has no source.`);
  }

  /** The kernel of an image for which the user names none. */
  async #kernelOf(origin: ImageOrigin): Promise<string> {
    return (await this.#deps.puller.kernelOf(origin)) ?? DEFAULT_KERNEL;
  }

  /** The name of an image for which the user gives none. */
  async #freeName(origin: ImageOrigin): Promise<string> {
    const { store, catalogs } = this.#deps;
    const { images, damaged } = await store.list();
    const { entries } = await catalogs.read();
    const taken = images.find(({ manifest }) => manifest.name === origin.defaultName);
    const inCatalog = entries.some((entry) => entry.name === origin.defaultName);
    const isTaken = inCatalog || damaged.some((each) => each.name === origin.defaultName);
    return isTaken || (taken !== undefined && !pulledAs(taken, origin))
      ? origin.otherName
      : origin.defaultName;
  }

  /** VMs that have an image, or wait for it, by whatever name they asked for it. */
  #usersOf(name: string, stored?: StoredImage): string[] {
    return this.#deps.vms
      .list()
      .filter(({ spec }) => spec.image === name || (stored !== undefined && this.#names(spec.image, stored)))
      .map((vm) => vm.spec.name);
  }

  #names(image: string, stored: StoredImage): boolean {
    if (isArtifactName(image)) return false;
    return pulledAs(stored, this.#deps.puller.origin(image));
  }

  #viewOf(image: StoredImage): ImageView {
    return storedView(image, this.#usersOf(image.manifest.name, image));
  }
}

function pulledAs({ manifest }: StoredImage, { text }: ImageOrigin): boolean {
  return 'reference' in manifest && manifest.reference === text;
}

function doingOf({ sources: [first] }: ImageCatalogEntry): string {
  return first === undefined || first.type === 'recipe' ? 'building it' : `pulling ${first.text}`;
}

/** Whether an image has the size and the kernel that are wished for, where any are; a kernel of files is taken as it is. */
function isAsWished({ manifest }: StoredImage, { rootBytes, kernel }: ImagePull): boolean {
  const size = rootBytes === undefined || rootBytes === manifest.rootBytes;
  return size && (kernel === undefined || !('ref' in kernel) || kernel.ref === manifest.kernel);
}

/** What a pull came to, in one line. */
function pulledText({ manifest, diskUsedBytes }: StoredImage): string {
  const mib = (bytes: number): string => `${Math.ceil(bytes / 1024 ** 2)} MiB`;
  if (!('layers' in manifest)) return `Image ${manifest.name}: ${mib(diskUsedBytes)} on the disk`;
  const { layers } = manifest;
  const packed = layers.reduce((sum, { bytes }) => sum + bytes, 0);
  const count = `${layers.length} ${layers.length === 1 ? 'layer' : 'layers'}`;
  return `Image ${manifest.name}: ${count}, ${mib(packed)} packed, ${mib(diskUsedBytes)} on the disk`;
}
