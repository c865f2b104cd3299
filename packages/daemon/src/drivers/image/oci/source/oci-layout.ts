import { parseDocument, readingOf } from '../document.ts';
import { readImageConfig } from '../image-config.ts';
import { MOST_CONFIG_BYTES, MOST_INDEXES, MOST_MANIFEST_BYTES } from '../image-limits.ts';
import { invalidImage, unsupportedImage } from '../invalid.ts';
import {
  readManifestDocument,
  type Descriptor,
  type IndexEntry,
  type ManifestDocument,
} from '../manifest-document.ts';
import { OUR_PLATFORM, choosePlatform, isOurs, platformNames } from '../platform.ts';
import { THE_IMAGE, blobAt, readBlob, type Blob, type BlobSource } from './blob.ts';
import { shownNames } from './names.ts';
import { layersOf, type OpenedImage } from './opened-image.ts';
import { layoutSchema } from './schemas.ts';

const LAYOUT = 'oci-layout';
const INDEX = 'index.json';

/**
 * Opens an image of a layout (image-layout.md). `reference` is the name that it has there, needed when there are several for our
 * platform. Rejects with `image_invalid`, `image_unsupported`.
 */
export async function openLayout(source: BlobSource, reference: string | undefined): Promise<OpenedImage> {
  const layout = await readBlob(await blobAt(source, LAYOUT), MOST_MANIFEST_BYTES, `The file ${LAYOUT}`);
  readingOf(THE_IMAGE, () => parseDocument(layout, layoutSchema, LAYOUT));
  const index = await readBlob(await blobAt(source, INDEX), MOST_MANIFEST_BYTES, `The file ${INDEX}`);
  const document = documentOf(index);
  if (document.kind !== 'index') throw invalidImage(`The file ${INDEX} is no index.`);
  const { manifests } = document;
  const named = manifests.filter(({ name }) => reference === undefined || name === reference);
  if (named.length === 0) throw noImage(manifests, reference);
  let entry = oneOf(named);
  for (let indexes = 0; ; indexes += 1) {
    const { digest } = entry;
    const found = documentOf(
      await readBlob(await blobOf(source, entry), MOST_MANIFEST_BYTES, `The manifest ${digest}`, digest),
    );
    if (found.kind === 'manifest') return openManifest(source, entry, found);
    if (indexes === MOST_INDEXES)
      throw unsupportedImage(`The image has indexes that are nested deeper than ${MOST_INDEXES}.`);
    const chosen = choosePlatform(found.manifests);
    if (chosen === undefined) throw noPlatform(found.manifests);
    entry = chosen;
  }
}

/** Of images that lie side by side, each for a platform or not saying it. */
function oneOf(entries: readonly IndexEntry[]): IndexEntry {
  const fitting = entries.filter(({ platform }) => platform === undefined || isOurs(platform));
  const told = fitting.filter(({ platform }) => platform !== undefined);
  const candidates = told.length > 0 ? told : fitting;
  const [entry, ...others] = candidates;
  if (entry === undefined) throw noPlatform(entries);
  if (others.length > 0)
    throw invalidImage(`There are several images in it; name one: ${names(candidates)}.`);
  return entry;
}

async function openManifest(
  source: BlobSource,
  { digest }: Descriptor,
  manifest: Extract<ManifestDocument, { readonly kind: 'manifest' }>,
): Promise<OpenedImage> {
  const document = await readBlob(
    await blobOf(source, manifest.config),
    MOST_CONFIG_BYTES,
    `The configuration ${manifest.config.digest}`,
    manifest.config.digest,
  );
  const { config, diffIds } = readingOf(THE_IMAGE, () => readImageConfig(document));
  const blobs = await Promise.all(
    manifest.layers.map(async (layer) => ({ digest: layer.digest, blob: await blobOf(source, layer) })),
  );
  return { digest, config, layers: layersOf(blobs, diffIds) };
}

function documentOf(bytes: Buffer): ManifestDocument {
  return readingOf(THE_IMAGE, () => readManifestDocument(bytes, undefined));
}

/** Finds a blob, which must have the length that the descriptor says. */
async function blobOf(source: BlobSource, { digest, bytes }: Descriptor): Promise<Blob> {
  const blob = await blobAt(source, `blobs/${digest.replace(':', '/')}`);
  if (blob.size !== bytes)
    throw invalidImage(`The blob ${digest} has ${blob.size} bytes; the image says ${bytes}.`);
  return blob;
}

function noPlatform(entries: readonly IndexEntry[]): Error {
  return unsupportedImage(`The image is not there for ${OUR_PLATFORM}, only for: ${platformNames(entries)}.`);
}

function noImage(entries: readonly IndexEntry[], reference: string | undefined): Error {
  return invalidImage(
    reference === undefined
      ? 'There is no image in it.'
      : `There is no image "${reference}" in it, only: ${names(entries)}. One of them is taken by its name behind a colon.`,
  );
}

function names(entries: readonly IndexEntry[]): string {
  return shownNames(entries.map(({ name, digest }) => name ?? digest));
}
