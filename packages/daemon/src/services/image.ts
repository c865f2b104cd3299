import { BangerError } from '@banger/contract/error';
import type { ImageView } from '@banger/contract/image';
import type { Logger } from 'pino';
import type { ImageBuilder, ImageCatalogEntry, ImageStore, StoredImage } from '../drivers/image/driver.ts';
import type { VmRepository } from '../store/vm-repository.ts';
import { underLock } from './lock-order.ts';
import { tell } from './operation.ts';
import { inStages } from './stages.ts';

/** What must be known of an image to plan a VM with it. */
export interface ImageOutlook {
  readonly present: boolean;
  readonly source: string;
  readonly kernel: string;
  /** The least root disk for it; 0 when it is not here yet. */
  readonly leastRootBytes: number;
}

/** The least root disk that the image fits on, in bytes. */
export function leastRootBytes({ manifest }: Pick<StoredImage, 'manifest'>): number {
  return manifest.leastRootBytes ?? manifest.rootBytes;
}

/** Images: what is here, what can be had, and who uses what. */
export class ImageService {
  readonly #store: ImageStore;
  readonly #builder: ImageBuilder;
  readonly #vms: Pick<VmRepository, 'list'>;
  readonly #log: Logger;

  constructor(store: ImageStore, builder: ImageBuilder, vms: Pick<VmRepository, 'list'>, log: Logger) {
    this.#store = store;
    this.#builder = builder;
    this.#vms = vms;
    this.#log = log;
  }

  /** What is known of an image without fetching it; `image_not_found` when it can be had nowhere. */
  async look(name: string): Promise<ImageOutlook> {
    const stored = await this.#store.get(name);
    if (stored !== undefined) {
      const { source, kernel } = stored.manifest;
      return { present: true, source, kernel, leastRootBytes: leastRootBytes(stored) };
    }
    const { source, kernel } = this.#entry(name);
    return { present: false, source, kernel, leastRootBytes: 0 };
  }

  /** The image, fetched first when it is not here; says so. */
  async ensure(name: string, signal: AbortSignal): Promise<StoredImage> {
    const stored = await this.#store.get(name);
    if (stored !== undefined) return stored;
    this.#entry(name);
    tell({ stage: `Image ${name} is not here yet: building it`, level: 'notice' });
    return this.#build(name, signal);
  }

  async pull(name: string, signal: AbortSignal): Promise<ImageView> {
    this.#entry(name);
    return this.#viewOf(await this.#build(name, signal));
  }

  async list(available: boolean): Promise<ImageView[]> {
    const { images, damaged } = await this.#store.list();
    for (const { name, reason } of damaged)
      tell({ stage: `Image ${name} is damaged: ${reason}`, level: 'warning' });
    const here = images.map((image) => this.#viewOf(image));
    if (!available) return here;
    const names = new Set(here.map((image) => image.name));
    const rest = this.#builder.catalog.filter((entry) => !names.has(entry.name)).map(catalogView);
    return [...here, ...rest].toSorted((a, b) => a.name.localeCompare(b.name));
  }

  async show(name: string): Promise<ImageView> {
    const stored = await this.#store.get(name);
    return stored === undefined ? catalogView(this.#entry(name)) : this.#viewOf(stored);
  }

  /** Refused with `image_in_use` while a VM has it. */
  async delete(name: string, signal: AbortSignal): Promise<void> {
    await underLock('pull lock', `image ${name}`, () => this.#builder.idle(name, signal));
    const users = this.#usersOf(name);
    if (users.length > 0) {
      throw new BangerError('image_in_use', `The image ${name} is used by ${users.join(', ')}.`, {
        details: { usedBy: users },
      });
    }
    await this.#store.remove(name);
  }

  #build(name: string, signal: AbortSignal): Promise<StoredImage> {
    return underLock('pull lock', `image ${name}`, () =>
      inStages(this.#log, (onProgress) => this.#builder.build(name, { signal, onProgress })),
    );
  }

  #entry(name: string): ImageCatalogEntry {
    const entry = this.#builder.catalog.find((candidate) => candidate.name === name);
    if (entry !== undefined) return entry;
    throw new BangerError('image_not_found', `There is no image named "${name}", here or in the catalog.`, {
      details: { image: name },
    });
  }

  #usersOf(name: string): string[] {
    return this.#vms
      .list()
      .filter((vm) => vm.spec.image === name)
      .map((vm) => vm.spec.name);
  }

  #viewOf(image: StoredImage): ImageView {
    const { manifest, diskUsedBytes } = image;
    const { name, distribution, arch, description, source, kernel, init, createdAt } = manifest;
    return {
      name,
      present: true,
      distribution,
      arch,
      description,
      source,
      kernel,
      init,
      sizeBytes: leastRootBytes(image),
      diskUsedBytes,
      createdAt,
      usedBy: this.#usersOf(name),
    };
  }
}

function catalogView({
  name,
  distribution,
  arch,
  description,
  source,
  kernel,
  init,
}: ImageCatalogEntry): ImageView {
  return {
    name,
    present: false,
    distribution,
    arch,
    description,
    source,
    kernel,
    init,
    sizeBytes: 0,
    diskUsedBytes: 0,
    createdAt: '',
    usedBy: [],
  };
}
