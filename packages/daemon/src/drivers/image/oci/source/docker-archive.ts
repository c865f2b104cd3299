import { digestOf } from '../digest.ts';
import { parseDocument, readingOf } from '../document.ts';
import { readImageConfig } from '../image-config.ts';
import { MOST_CONFIG_BYTES, MOST_MANIFEST_BYTES } from '../image-limits.ts';
import { invalidImage } from '../invalid.ts';
import { layerPath } from '../merge/layer-path.ts';
import { THE_IMAGE, blobAt, readBlob, type BlobSource } from './blob.ts';
import { shownNames } from './names.ts';
import { layersOf, type OpenedImage } from './opened-image.ts';
import { dockerManifestSchema } from './schemas.ts';

const MANIFEST = 'manifest.json';

/**
 * Opens an image of an archive of `docker save`. Its layers have no digest of their own: what they unpack to is checked, against the configuration.
 * `reference` is one of its tags, needed when there are several images. Rejects with `image_invalid`, `image_unsupported`.
 */
export async function openDockerArchive(
  source: BlobSource,
  reference: string | undefined,
): Promise<OpenedImage> {
  const bytes = await readBlob(await blobAt(source, MANIFEST), MOST_MANIFEST_BYTES, `The file ${MANIFEST}`);
  const manifest = readingOf(THE_IMAGE, () => parseDocument(bytes, dockerManifestSchema, MANIFEST));
  const named = manifest.filter(
    ({ RepoTags }) => reference === undefined || RepoTags?.includes(reference) === true,
  );
  const [image, ...others] = named;
  const tags = shownNames(manifest.flatMap(({ RepoTags }) => RepoTags ?? []));
  if (image === undefined) throw invalidImage(`There is no such image in the archive, only: ${tags}.`);
  if (others.length > 0) throw invalidImage(`There are several images in the archive; name one: ${tags}.`);
  const document = await readBlob(
    await blobAt(source, pathOf(image.Config)),
    MOST_CONFIG_BYTES,
    'The configuration of the image',
  );
  const { config, diffIds } = readingOf(THE_IMAGE, () => readImageConfig(document));
  const blobs = await Promise.all(
    image.Layers.map(async (layer) => ({ blob: await blobAt(source, pathOf(layer)) })),
  );
  return {
    digest: digestOf(document, { algorithm: 'sha256' }),
    config,
    layers: layersOf(blobs, diffIds),
  };
}

function pathOf(name: string): string {
  return layerPath(Buffer.from(name));
}
