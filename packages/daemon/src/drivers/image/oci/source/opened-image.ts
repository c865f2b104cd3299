import { invalidImage } from '../invalid.ts';
import type { LayerBlob } from '../layer.ts';
import type { Blob } from './blob.ts';
import { FileChunks } from './file-chunks.ts';
import type { ImageConfig } from './image-config.ts';

/** More than any engine makes (Docker's limit is 127); each is an open file and a walk for hard links. */
const MAX_LAYERS = 1000;

/** An image that is here, ready to be converted. */
export interface OpenedImage {
  /** Of its manifest; of its configuration, where there is no manifest. */
  readonly digest: string;
  readonly config: ImageConfig;
  /** Oldest first. */
  readonly layers: readonly LayerBlob[];
}

/** Layers that lie in files of their own, such as those of a cache, with digest and length of each. Throws as `layersOf` does. */
export function layersOfFiles(
  files: readonly { readonly path: string; readonly digest: string; readonly bytes: number }[],
  diffIds: readonly string[],
): LayerBlob[] {
  const blobs = files.map(({ path, digest, bytes }) => ({
    digest,
    blob: { size: bytes, open: () => new FileChunks(path, 0, bytes) },
  }));
  return layersOf(blobs, diffIds);
}

/** Layers with what they unpack to. Throws `image_invalid` when the configuration has another number of them. */
export function layersOf(
  blobs: readonly { readonly digest?: string; readonly blob: Blob }[],
  diffIds: readonly string[],
): LayerBlob[] {
  if (blobs.length > MAX_LAYERS)
    throw invalidImage(`The image has ${blobs.length} layers; the most is ${MAX_LAYERS}.`);
  if (blobs.length !== diffIds.length)
    throw invalidImage(`The image has ${blobs.length} layers, and its configuration says ${diffIds.length}.`);
  return blobs.map(({ digest, blob }, at) => ({
    ...(digest === undefined ? {} : { digest }),
    size: blob.size,
    diffId: diffIds[at] ?? '',
    open: () => blob.open(),
  }));
}
