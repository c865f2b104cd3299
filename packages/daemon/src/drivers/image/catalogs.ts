import type { BangerError } from '@banger/contract/error';
import { readCatalogFile } from '../../host/catalog-file.ts';
import { remoteBundleText } from './bundle/bundle-address.ts';
import {
  embeddedImages,
  imageCatalog,
  parseImageCatalog,
  type CatalogImage,
  type CatalogSource,
  type ImageRecipe,
} from './catalog.ts';
import type { ImageCatalog, ImageCatalogs, ImageCatalogSource } from './driver.ts';

/** How such a catalog is called, and where it is named. */
const THEIRS = { what: 'catalog of images', key: 'image_catalogs' };

/**
 * The catalogs of the configuration and the embedded one, read anew each time: a share that is not there keeps no daemon from
 * starting, and a new entry is seen at once. Of two images with one name that of the first catalog counts.
 */
export class ConfiguredImageCatalogs implements ImageCatalogs {
  readonly #files: readonly string[];

  /** `files`: absolute paths, in their order. */
  constructor(files: readonly string[]) {
    this.#files = files;
  }

  async read(): Promise<ImageCatalog> {
    const { images, unreadable } = await this.#images();
    const entries = images.map(({ sources, ...entry }) => ({ ...entry, sources: sources.map(sourceOf) }));
    return { entries, unreadable };
  }

  /** The recipe of an image; undefined when no catalog has one. */
  async recipe(name: string): Promise<ImageRecipe | undefined> {
    const { images } = await this.#images();
    return images
      .find((image) => image.name === name)
      ?.sources.flatMap((source) => (source.type === 'recipe' ? [source.recipe] : []))[0];
  }

  async #images(): Promise<{
    readonly images: readonly CatalogImage[];
    readonly unreadable: readonly BangerError[];
  }> {
    const images = new Map<string, CatalogImage>();
    const unreadable: BangerError[] = [];
    const add = (some: readonly CatalogImage[]): void => {
      for (const image of some) if (!images.has(image.name)) images.set(image.name, image);
    };
    for (const file of this.#files) {
      try {
        add(await readCatalogFile(file, THEIRS, (value) => parseImageCatalog(value, imageCatalog)));
      } catch (error) {
        unreadable.push(error as BangerError);
      }
    }
    add(embeddedImages);
    return { images: [...images.values()], unreadable };
  }
}

function sourceOf(source: CatalogSource): ImageCatalogSource {
  switch (source.type) {
    case 'recipe':
      return { type: 'recipe', text: 'recipe' };
    case 'oci':
      return { type: 'oci', text: source.reference };
    case 'bundle':
      return { type: 'bundle', text: `bundle:${remoteBundleText(source)}`, bytes: source.bytes };
  }
}
