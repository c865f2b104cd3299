import { parseDigest } from '../digest.ts';
import { invalidImage, shownBytes } from '../invalid.ts';
import { blobAt, readJsonBlob, type Blob, type BlobSource } from './blob.ts';
import { PLATFORM, imageConfigOf } from './image-config.ts';
import { layersOf, type OpenedImage } from './opened-image.ts';
import {
  configSchema,
  indexSchema,
  layoutSchema,
  manifestOrIndexSchema,
  type Descriptor,
} from './schemas.ts';

/** Indexes in an index: the specification allows it, nobody needs more. */
const MAX_DEPTH = 4;
/** What a person called the image (annotations.md). */
const NAME = 'org.opencontainers.image.ref.name';

/** Layers that can be read. Their compression is told from their bytes; others are encrypted, or are no layers. */
const LAYER_TYPE =
  /^application\/vnd\.(?:oci\.image\.layer\.(?:nondistributable\.)?v1\.tar(?:\+gzip|\+zstd)?|docker\.image\.rootfs\.(?:foreign\.)?diff\.tar(?:\.gzip|\.zstd)?)$/;

/**
 * Opens an image of a layout (image-layout.md). `reference` is the name that it has there, needed when there are several for our
 * platform. Rejects with `image_invalid`.
 */
export async function openLayout(source: BlobSource, reference: string | undefined): Promise<OpenedImage> {
  await readJsonBlob(await blobAt(source, 'oci-layout'), layoutSchema, 'The file oci-layout');
  const index = await readJsonBlob(await blobAt(source, 'index.json'), indexSchema, 'The file index.json');
  const named = index.manifests.filter(
    ({ annotations }) => reference === undefined || annotations?.[NAME] === reference,
  );
  if (named.length === 0) throw noImage(index.manifests, reference);
  return openOne(source, named, 0);
}

async function openOne(
  source: BlobSource,
  descriptors: readonly Descriptor[],
  depth: number,
): Promise<OpenedImage> {
  if (depth > MAX_DEPTH) throw invalidImage(`The image has more than ${MAX_DEPTH} indexes in each other.`);
  const fitting = descriptors.filter(
    ({ platform }) =>
      platform === undefined ||
      platform === null ||
      (platform.os === PLATFORM.os && platform.architecture === PLATFORM.architecture),
  );
  const told = fitting.filter(({ platform }) => platform !== undefined && platform !== null);
  const [descriptor, ...others] = told.length > 0 ? told : fitting;
  if (descriptor === undefined) throw noPlatform(descriptors);
  // Of an index for platforms the first that fits is meant (image-index.md); a layout has images side by side.
  if (depth === 0 && others.length > 0) throw severalImages([descriptor, ...others]);
  const { digest } = descriptor;
  const manifest = await readJsonBlob(
    await blobOf(source, descriptor),
    manifestOrIndexSchema,
    `The manifest ${digest}`,
    digest,
  );
  if ('manifests' in manifest) return openOne(source, manifest.manifests, depth + 1);
  const config = await readJsonBlob(
    await blobOf(source, manifest.config),
    configSchema,
    `The configuration ${manifest.config.digest}`,
    manifest.config.digest,
  );
  const blobs = await Promise.all(
    manifest.layers.map(async (layer) => {
      const { mediaType = '' } = layer;
      if (!LAYER_TYPE.test(mediaType))
        throw invalidImage(
          `The image has a layer of the type "${shownBytes(Buffer.from(mediaType))}", which is not known.`,
        );
      return { digest: layer.digest, blob: await blobOf(source, layer) };
    }),
  );
  return { digest, config: imageConfigOf(config), layers: layersOf(blobs, config.rootfs.diff_ids ?? []) };
}

/** Finds a blob, which must have the length that the descriptor says. */
async function blobOf(source: BlobSource, { digest, size }: Descriptor): Promise<Blob> {
  const { algorithm, hex } = parseDigest(digest);
  const blob = await blobAt(source, `blobs/${algorithm}/${hex}`);
  if (blob.size !== size)
    throw invalidImage(`The blob ${digest} has ${blob.size} bytes; the image says ${size}.`);
  return blob;
}

function noPlatform(descriptors: readonly Descriptor[]): Error {
  const found = descriptors.map(({ platform }) => `${platform?.os}/${platform?.architecture}`);
  return invalidImage(
    `The image is not there for ${PLATFORM.os}/${PLATFORM.architecture}, only for: ${list(found)}.`,
  );
}

function noImage(descriptors: readonly Descriptor[], reference: string | undefined): Error {
  return invalidImage(
    reference === undefined
      ? 'There is no image in it.'
      : `There is no image "${reference}" in it, only: ${list(names(descriptors))}.`,
  );
}

function severalImages(descriptors: readonly Descriptor[]): Error {
  return invalidImage(`There are several images in it; name one: ${list(names(descriptors))}.`);
}

function names(descriptors: readonly Descriptor[]): string[] {
  return descriptors.map(({ annotations, digest }) => annotations?.[NAME] ?? digest);
}

/** Names for a person: a stranger can name as many as he likes. */
export function list(items: readonly string[]): string {
  const most = 10;
  const shown = items.slice(0, most).map((item) => shownBytes(Buffer.from(item)));
  return shown.join(', ') + (items.length > most ? ' and more' : '');
}
