import type { ImageConfig } from '@banger/contract/image';
import type { Digest } from '../digest.ts';
import { invalidImage } from '../invalid.ts';
import type { LayerBlob } from '../layer.ts';
import type { Blob } from './blob.ts';
import { FileChunks } from './file-chunks.ts';

/** An image that is here, ready to be converted. */
export interface OpenedImage {
  /** Of its manifest; of its configuration, where there is no manifest. */
  readonly digest: Digest;
  readonly config: ImageConfig;
  /** Oldest first. */
  readonly layers: readonly LayerBlob[];
}

/** Layers that lie in files of their own, such as those of a cache, with digest and length of each. Throws as `layersOf` does. */
export function layersOfFiles(
  files: readonly { readonly path: string; readonly digest: Digest; readonly bytes: number }[],
  diffIds: readonly Digest[],
): LayerBlob[] {
  const blobs = files.map(({ path, digest, bytes }) => ({
    digest,
    blob: { size: bytes, open: () => new FileChunks(path, 0, bytes) },
  }));
  return layersOf(blobs, diffIds);
}

/** Layers with what they unpack to. Throws `image_invalid` when the configuration has another number of them. */
export function layersOf(
  blobs: readonly { readonly digest?: Digest; readonly blob: Blob }[],
  diffIds: readonly Digest[],
): LayerBlob[] {
  const layers = blobs.flatMap(({ digest, blob }, at) => {
    const diffId = diffIds[at];
    if (diffId === undefined) return [];
    const { size } = blob;
    return [{ ...(digest === undefined ? {} : { digest }), size, diffId, open: () => blob.open() }];
  });
  if (layers.length !== blobs.length || layers.length !== diffIds.length)
    throw invalidImage(`The image has ${blobs.length} layers, and its configuration says ${diffIds.length}.`);
  return layers;
}
