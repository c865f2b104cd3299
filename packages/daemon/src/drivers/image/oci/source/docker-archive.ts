import { createHash } from 'node:crypto';
import { invalidImage } from '../invalid.ts';
import { layerPath } from '../merge/layer-path.ts';
import { blobAt, readJsonBlob, type BlobSource } from './blob.ts';
import { imageConfigOf } from './image-config.ts';
import { list } from './oci-layout.ts';
import { layersOf, type OpenedImage } from './opened-image.ts';
import { configSchema, dockerManifestSchema } from './schemas.ts';

/**
 * Opens an image of an archive of `docker save`. Its layers have no digest of their own: what they unpack to is checked, against the configuration.
 * `reference` is one of its tags, needed when there are several images. Rejects with `image_invalid`.
 */
export async function openDockerArchive(
  source: BlobSource,
  reference: string | undefined,
): Promise<OpenedImage> {
  const manifest = await readJsonBlob(
    await blobAt(source, 'manifest.json'),
    dockerManifestSchema,
    'The file manifest.json',
  );
  const named = manifest.filter(
    ({ RepoTags }) => reference === undefined || RepoTags?.includes(reference) === true,
  );
  const [image, ...others] = named;
  const tags = list(manifest.flatMap(({ RepoTags }) => RepoTags ?? []));
  if (image === undefined) throw invalidImage(`There is no such image in the archive, only: ${tags}.`);
  if (others.length > 0) throw invalidImage(`There are several images in the archive; name one: ${tags}.`);
  const file = await blobAt(source, pathOf(image.Config));
  const config = await readJsonBlob(file, configSchema, 'The configuration of the image');
  const blobs = await Promise.all(
    image.Layers.map(async (layer) => ({ blob: await blobAt(source, pathOf(layer)) })),
  );
  const hash = createHash('sha256');
  for await (const chunk of file.open()) hash.update(chunk);
  return {
    digest: `sha256:${hash.digest('hex')}`,
    config: imageConfigOf(config),
    layers: layersOf(blobs, config.rootfs.diff_ids ?? []),
  };
}

function pathOf(name: string): string {
  return layerPath(Buffer.from(name));
}
