import { z } from 'zod';

/** Version of the manifest; a reader refuses what it does not know. */
export const IMAGE_MANIFEST_VERSION = 1;

/** `manifest.json` of a stored image. */
export const imageManifestSchema = z.strictObject({
  manifest: z.literal(IMAGE_MANIFEST_VERSION),
  name: z.string(),
  /** As `debian`. */
  distribution: z.string(),
  /** As `bookworm`. */
  suite: z.string(),
  /** As `x86_64`. */
  arch: z.string(),
  description: z.string(),
  source: z.literal('recipe'),
  /** SHA-256 of the recipe it was built from, so that a newer recipe can be told. */
  recipeSha256: z.string().regex(/^[0-9a-f]{64}$/),
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
});

/** What is known of a stored image. */
export type ImageManifest = z.infer<typeof imageManifestSchema>;
