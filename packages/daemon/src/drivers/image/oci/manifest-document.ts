import { z } from 'zod';
import type { Digest } from './digest.ts';
import { DocumentError, checkDocument, digestSchema, parseDocument } from './document.ts';
import { MOST_IMAGE_BYTES, MOST_LAYERS } from './image-limits.ts';
import { shownBytes } from './invalid.ts';

/** Content by its digest and length (OCI image specification, "Descriptor"). */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly bytes: number;
}

/** A manifest among those of an index. */
export interface IndexEntry extends Descriptor {
  readonly platform:
    | { readonly os: string; readonly architecture: string; readonly variant: string }
    | undefined;
  /** What a person called it, in a layout of a directory or an archive. */
  readonly name: string | undefined;
}

/** A document as a registry has it under a tag or a digest. */
export type ManifestDocument =
  | { readonly kind: 'manifest'; readonly config: Descriptor; readonly layers: readonly Descriptor[] }
  | { readonly kind: 'index'; readonly manifests: readonly IndexEntry[] };

const MANIFESTS = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
];
const INDEXES = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];
/** What we can read, to be asked for. */
export const MANIFEST_TYPES = [...MANIFESTS, ...INDEXES];
const SCHEMA_1 = /^application\/vnd\.docker\.distribution\.manifest\.v1\+(?:json|prettyjws)$/;

/** Docker's first registries had no type for it. */
const CONFIGS = [
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
  'application/octet-stream',
];
/** tar, as it is, gzip or Zstandard; those that were not to be distributed were all the same. Encrypted ones are not among them. */
const LAYER =
  /^application\/vnd\.(?:oci\.image\.layer\.(?:nondistributable\.)?v1\.tar(?:\+gzip|\+zstd)?|docker\.image\.rootfs\.(?:foreign\.)?diff\.tar(?:\.gzip|\.zstd)?)$/;

/** A thousand platforms are a hostile index: the longest known has some 20, twice that with attestations. */
const MOST_MANIFESTS = 1_000;

/** Of annotations.md. */
const NAME = 'org.opencontainers.image.ref.name';

const mediaType = z.string().max(255);
const descriptorFields = {
  mediaType,
  digest: digestSchema,
  size: z.int().nonnegative(),
};
const descriptorSchema = z
  .object(descriptorFields)
  .transform(({ size, ...rest }): Descriptor => ({ ...rest, bytes: size }));
const entrySchema = z
  .object({
    ...descriptorFields,
    platform: z
      .object({ os: z.string(), architecture: z.string(), variant: z.string().default('') })
      .nullish(),
    annotations: z.record(z.string(), z.string()).nullish(),
  })
  .transform(({ size, platform, annotations, ...rest }): IndexEntry => ({
    ...rest,
    bytes: size,
    platform: platform ?? undefined,
    name: annotations?.[NAME],
  }));
const topSchema = z.object({
  schemaVersion: z.number().optional(),
  mediaType: mediaType.optional(),
  manifests: z.unknown().optional(),
  config: z.unknown().optional(),
  layers: z.unknown().optional(),
  fsLayers: z.unknown().optional(),
});
const manifestSchema = z.object({ config: descriptorSchema, layers: z.array(descriptorSchema) });
const indexSchema = z.object({ manifests: z.array(entrySchema) });

/**
 * Reads a manifest or an index, of OCI or of Docker's schema 2. `contentType` is that of the answer; what the document itself says of
 * its type must agree with it, and it must be one of both and not both (CVE-2021-41190). Throws `DocumentError`.
 */
export function readManifestDocument(bytes: Uint8Array, contentType: string | undefined): ManifestDocument {
  const told = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (SCHEMA_1.test(told)) throw schema1();
  const top = parseDocument(bytes, topSchema, 'manifest');
  const { schemaVersion, manifests, config, layers, fsLayers } = top;
  if (schemaVersion === 1 || fsLayers !== undefined) throw schema1();
  const [isIndex, isManifest] = [manifests !== undefined, config !== undefined || layers !== undefined];
  if (isIndex && isManifest)
    throw new DocumentError(
      'wrong',
      'has a manifest that is an index, too, so that clients would differ about it',
    );
  if (!isIndex && !isManifest) throw new DocumentError('wrong', 'has a manifest that is none');
  for (const type of [told, top.mediaType])
    if (type !== undefined && MANIFEST_TYPES.includes(type) && INDEXES.includes(type) !== isIndex)
      throw new DocumentError('wrong', `has a manifest that says to be ${type} and is not`);
  if (isIndex) return readIndex(top);
  return readManifest(top);
}

function readIndex(value: unknown): ManifestDocument {
  const { manifests } = checkDocument(value, indexSchema, 'index');
  if (manifests.length > MOST_MANIFESTS)
    throw new DocumentError('wrong', `has an index of ${manifests.length} manifests`);
  return { kind: 'index', manifests };
}

function readManifest(value: unknown): ManifestDocument {
  const { config, layers } = checkDocument(value, manifestSchema, 'manifest');
  if (!CONFIGS.includes(config.mediaType))
    throw new DocumentError(
      'unsupported',
      `is no image of a machine, but of type ${shown(config.mediaType)}`,
    );
  if (layers.length > MOST_LAYERS)
    throw new DocumentError('unsupported', `has ${layers.length} layers, more than ${MOST_LAYERS}`);
  const strange = layers.find((layer) => !LAYER.test(layer.mediaType));
  if (strange !== undefined)
    throw new DocumentError(
      'unsupported',
      `has a layer of type ${shown(strange.mediaType)}, which cannot be read`,
    );
  if (layers.reduce((sum, { bytes }) => sum + bytes, 0) > MOST_IMAGE_BYTES)
    throw new DocumentError('unsupported', 'has layers of more than 1 TiB, the largest disk of a VM');
  return { kind: 'manifest', config, layers };
}

function shown(type: string): string {
  return `"${shownBytes(Buffer.from(type))}"`;
}

function schema1(): DocumentError {
  return new DocumentError(
    'unsupported',
    'has a manifest of schema 1, which cannot be verified and is out of use since 2017',
  );
}
