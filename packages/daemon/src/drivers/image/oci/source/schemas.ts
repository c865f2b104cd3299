import { z } from 'zod';

/** A manifest of a stranger may have no more bytes: what registries and container engines take. */
export const MAX_JSON_BYTES = 4 * 1024 ** 2;

const text = z.string().refine((each) => !each.includes('\0'), 'has a NUL in it');

/** What else it says is not used; a digest is checked where it is used (descriptor.md). */
export const descriptorSchema = z.object({
  mediaType: z.string().optional(),
  digest: z.string(),
  size: z.int().nonnegative(),
  annotations: z.record(z.string(), z.string()).nullish(),
  platform: z.object({ os: z.string(), architecture: z.string() }).nullish(),
});
export type Descriptor = z.infer<typeof descriptorSchema>;

/** An image index, or Docker's list of manifests (image-index.md). */
export const indexSchema = z.object({
  schemaVersion: z.literal(2),
  manifests: z.array(descriptorSchema),
});

/** A manifest, OCI's or Docker's of version 2 (manifest.md). */
const manifestSchema = z.object({
  schemaVersion: z.literal(2),
  config: descriptorSchema,
  layers: z.array(descriptorSchema),
});

/** What tells an index from a manifest, in whose descriptors the type may be missing or wrong. */
export const manifestOrIndexSchema = z.union([indexSchema, manifestSchema]);

/** The configuration, of which a VM uses this (config.md). */
export const configSchema = z.object({
  architecture: z.string(),
  os: z.string(),
  config: z
    .object({
      Env: z.array(text).nullish(),
      WorkingDir: text.nullish(),
      User: text.nullish(),
      Entrypoint: z.array(text).nullish(),
      Cmd: z.array(text).nullish(),
      ExposedPorts: z.record(z.string(), z.unknown()).nullish(),
    })
    .nullish(),
  rootfs: z.object({ type: z.literal('layers'), diff_ids: z.array(z.string()).nullish() }),
});

/** `oci-layout` (image-layout.md). */
export const layoutSchema = z.object({ imageLayoutVersion: z.string().regex(/^1\./) });

/** `manifest.json` of `docker save`: images of one archive. */
export const dockerManifestSchema = z.array(
  z.object({
    Config: z.string(),
    RepoTags: z.array(z.string()).nullish(),
    Layers: z.array(z.string()),
  }),
);
