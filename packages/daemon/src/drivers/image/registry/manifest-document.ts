import { z } from 'zod';
import { readDigest, type Digest } from './digest.ts';
import { MOST_IMAGE_BYTES, MOST_LAYERS } from './limits.ts';

/** Content by its digest and length (OCI image specification, "Descriptor"). */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly bytes: number;
}

/** A manifest among those of an index. */
export interface IndexEntry extends Descriptor {
  readonly platform:
    { readonly os: string; readonly architecture: string; readonly variant: string } | undefined;
}

/** A document as a registry has it under a tag or a digest. */
export type ManifestDocument =
  | { readonly kind: 'manifest'; readonly config: Descriptor; readonly layers: readonly Descriptor[] }
  | { readonly kind: 'index'; readonly manifests: readonly IndexEntry[] };

/** Why a document cannot be used. */
export class ManifestError extends Error {
  /** `unsupported`: it is right, and of a kind that we do not take. `wrong`: it is none. */
  readonly kind: 'unsupported' | 'wrong';

  /** `why` is the rest of a sentence about the image. */
  constructor(kind: 'unsupported' | 'wrong', why: string) {
    super(why);
    this.kind = kind;
  }
}

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

const mediaType = z.string().max(255);
const descriptorFields = {
  mediaType,
  digest: z.string().transform((text, context): Digest => {
    const digest = readDigest(text);
    if (digest !== undefined) return digest;
    context.addIssue({ code: 'custom', message: 'no digest' });
    return z.NEVER;
  }),
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
      .optional(),
  })
  .transform(({ size, platform, ...rest }): IndexEntry => ({ ...rest, bytes: size, platform }));
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
 * its type must agree with it, and it must be one of both and not both (CVE-2021-41190). Throws `ManifestError`.
 */
export function readManifestDocument(bytes: Uint8Array, contentType: string | undefined): ManifestDocument {
  const told = (contentType ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (SCHEMA_1.test(told)) throw schema1();
  const top = topSchema.safeParse(json(bytes));
  if (!top.success) throw new ManifestError('wrong', 'has a manifest that is none');
  const { schemaVersion, manifests, config, layers, fsLayers } = top.data;
  if (schemaVersion === 1 || fsLayers !== undefined) throw schema1();
  const [isIndex, isManifest] = [manifests !== undefined, config !== undefined || layers !== undefined];
  if (isIndex && isManifest)
    throw new ManifestError(
      'wrong',
      'has a manifest that is an index, too, so that clients would differ about it',
    );
  if (!isIndex && !isManifest) throw new ManifestError('wrong', 'has a manifest that is none');
  for (const type of [told, top.data.mediaType])
    if (type !== undefined && MANIFEST_TYPES.includes(type) && INDEXES.includes(type) !== isIndex)
      throw new ManifestError('wrong', `has a manifest that says to be ${type} and is not`);
  if (isIndex) return readIndex(top.data);
  return readManifest(top.data);
}

function readIndex(value: unknown): ManifestDocument {
  const parsed = indexSchema.safeParse(value);
  if (!parsed.success) throw wrong('index', parsed.error);
  const { manifests } = parsed.data;
  if (manifests.length > MOST_MANIFESTS)
    throw new ManifestError('wrong', `has an index of ${manifests.length} manifests`);
  return { kind: 'index', manifests };
}

function readManifest(value: unknown): ManifestDocument {
  const parsed = manifestSchema.safeParse(value);
  if (!parsed.success) throw wrong('manifest', parsed.error);
  const { config, layers } = parsed.data;
  if (!CONFIGS.includes(config.mediaType))
    throw new ManifestError('unsupported', `is no image of a machine, but of type ${config.mediaType}`);
  if (layers.length > MOST_LAYERS)
    throw new ManifestError('unsupported', `has ${layers.length} layers, more than ${MOST_LAYERS}`);
  const strange = layers.find((layer) => !LAYER.test(layer.mediaType));
  if (strange !== undefined)
    throw new ManifestError('unsupported', `has a layer of type ${strange.mediaType}, which cannot be read`);
  if (layers.reduce((sum, { bytes }) => sum + bytes, 0) > MOST_IMAGE_BYTES)
    throw new ManifestError('unsupported', 'has layers of more than 1 TiB, the largest disk of a VM');
  return { kind: 'manifest', config, layers };
}

/** The issue's own message may quote the document at any length. */
function wrong(what: string, { issues }: z.ZodError): ManifestError {
  const where = issues[0]?.path.slice(0, 4).join('.') ?? '';
  return new ManifestError('wrong', `has a ${what} that is not right at ${where}`);
}

function schema1(): ManifestError {
  return new ManifestError(
    'unsupported',
    'has a manifest of schema 1, which cannot be verified and is out of use since 2017',
  );
}

function json(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return undefined;
  }
}
