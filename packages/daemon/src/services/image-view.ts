import type { ImageView } from '@banger/contract/image';
import type { ImageCatalogEntry, ImageManifest, StoredImage } from '../drivers/image/driver.ts';

/** The least root disk that the image fits on, in bytes. */
export function leastRootBytes({ manifest }: Pick<StoredImage, 'manifest'>): number {
  return manifest.leastRootBytes ?? manifest.rootBytes;
}

/** An image that is here, and the VMs that have it, as clients see it. */
export function storedView(image: StoredImage, usedBy: string[]): ImageView {
  const { manifest, diskUsedBytes } = image;
  const { name, distribution, arch, description, source, kernel, init, createdAt } = manifest;
  return {
    ...{ name, present: true, distribution, arch, description, source, kernel, init },
    sources: ['reference' in manifest ? manifest.reference : source],
    ...pulledView(manifest),
    managed: manifest.source !== 'file' || manifest.promoted,
    sizeBytes: leastRootBytes(image),
    diskUsedBytes,
    createdAt,
    usedBy,
  };
}

/** An image of a catalog that is not here, as clients see it. */
export function catalogView({ sources, ...entry }: ImageCatalogEntry): ImageView {
  const { name, distribution, arch, description, kernel, init } = entry;
  return {
    ...{ name, present: false, distribution, arch, description, kernel, init },
    source: sources[0]?.type ?? '',
    sources: sources.map(({ text }) => text),
    ...NOT_PULLED,
    managed: true,
    sizeBytes: 0,
    diskUsedBytes: 0,
    createdAt: '',
    usedBy: [],
  };
}

/** What is said of an image that came from no registry, no archive and no bundle. */
const NOT_PULLED = { reference: '', digest: '', layers: [] };

function pulledView(manifest: ImageManifest): Pick<ImageView, 'reference' | 'digest' | 'layers' | 'config'> {
  if (manifest.source === 'recipe') return NOT_PULLED;
  if (manifest.source === 'file') return { ...NOT_PULLED, reference: manifest.reference };
  const { reference, digest } = manifest;
  if (manifest.source === 'tarball') return { reference, digest, layers: [] };
  return { reference, digest, layers: 'layers' in manifest ? manifest.layers : [], config: manifest.config };
}
