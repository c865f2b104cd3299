import { imageConfigSchema } from '@banger/contract/image';
import { z } from 'zod';

/** Version of the manifest; a reader refuses what it does not know. */
export const IMAGE_MANIFEST_VERSION = 1;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** What every image has. */
const common = {
  manifest: z.literal(IMAGE_MANIFEST_VERSION),
  name: z.string(),
  /** As `debian`. */
  distribution: z.string(),
  /** As `x86_64`. */
  arch: z.string(),
  description: z.string(),
  /** Kernel that it boots with unless the user names another. */
  kernel: z.string(),
  /** `agent`: no init system, the agent is PID 1; else the path of the image's init. */
  init: z.string(),
  /** Size of the root file system, as the guest sees it. */
  rootBytes: z.int().positive(),
  /** The least root disk that its content fits on, with room to install something; `rootBytes` when it is not told. */
  leastRootBytes: z.int().positive().optional(),
  /** Size of the work disk's file system before it is enlarged. */
  workBytes: z.int().positive(),
  /** What the files in the root file system take. */
  contentBytes: z.int().nonnegative(),
  /** ISO 8601, UTC. */
  createdAt: z.iso.datetime(),
};

/** `manifest.json` of a stored image. */
export const imageManifestSchema = z.discriminatedUnion('source', [
  z.strictObject({
    ...common,
    source: z.literal('recipe'),
    /** As `bookworm`. */
    suite: z.string(),
    /** SHA-256 of the recipe it was built from, so that a newer recipe can be told. */
    recipeSha256: sha256,
  }),
  z.strictObject({
    ...common,
    source: z.literal('oci'),
    /** What was pulled, in its full form: `HOST/REPOSITORY:TAG`, or where it lay on this machine. */
    reference: z.string(),
    /** Of the image's manifest; of its configuration, where there is no manifest. */
    digest: z.string(),
    /** As they came, the oldest first. */
    layers: z.array(z.strictObject({ digest: z.string(), bytes: z.int().nonnegative() })),
    config: z.strictObject(imageConfigSchema.shape),
    /** It has a shell. */
    shell: z.boolean(),
  }),
  z.strictObject({
    ...common,
    source: z.literal('bundle'),
    /** What was pulled, `bundle:` with its path, or its address. */
    reference: z.string(),
    /** Of the bundle as it came. */
    digest: z.string(),
    config: z.strictObject(imageConfigSchema.shape),
    /** It has a shell. */
    shell: z.boolean(),
  }),
  z.strictObject({
    ...common,
    source: z.literal('tarball'),
    /** What was pulled, `tarball:` with its path. */
    reference: z.string(),
    /** Of the archive as it came. */
    digest: z.string(),
    /** It has a shell. */
    shell: z.boolean(),
  }),
  z.strictObject({
    ...common,
    source: z.literal('file'),
    /** Absolute path of the user's file that its root file system is, or was copied from. */
    reference: z.string(),
    /** What the user's file was like. */
    file: z.strictObject({ bytes: z.int().positive(), modifiedNs: z.string().regex(/^-?\d+$/) }),
    /** The root file system is in our care, and the user's file of no further use. */
    promoted: z.boolean(),
    /** It has a shell. */
    shell: z.boolean(),
  }),
]);

/** What is known of a stored image. */
export type ImageManifest = z.infer<typeof imageManifestSchema>;
/** What is known of one that came from a registry, a layout or an archive. */
export type OciManifest = Extract<ImageManifest, { source: 'oci' }>;
/** What is known of one that came from a bundle. */
export type BundleImageManifest = Extract<ImageManifest, { source: 'bundle' }>;
/** What is known of one that came from a plain archive of a root file system. */
export type TarballManifest = Extract<ImageManifest, { source: 'tarball' }>;
/** What is known of one whose root file system is a file of the user, or was one. */
export type FileManifest = Extract<ImageManifest, { source: 'file' }>;

/** True when an image is what was pulled by a text in its full form. */
export function wasPulledAs(manifest: ImageManifest, reference: string): boolean {
  return 'reference' in manifest && manifest.reference === reference;
}
