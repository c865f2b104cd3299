import { z } from 'zod';
import { streamSchema } from './exec.ts';
import { kernelChoiceSchema } from './kernel.ts';

/** The name of an image here, or what it was pulled as. */
const imageSchema = z.string().min(1).max(4096);

export const imageRefSchema = z.strictObject({
  image: imageSchema,
});
export const imagePullSchema = z.strictObject({
  /**
   * Of the catalog; else `[HOST[:PORT]/]NAME[:TAG][@DIGEST]`; else `oci:`, `oci-archive:`, `docker-archive:`, `bundle:` or `tarball:` with an
   * absolute path; else `upload:HEX` or `tarball:upload:HEX`, with what the exit frame of `image.receive` says.
   */
  image: imageSchema,
  /** What it is called here, unless it is of the catalog. */
  name: z.string().min(1).max(255).optional(),
  /** Size of its root file system. */
  rootBytes: z.int().positive().optional(),
  /** Kernel that it boots with unless a VM names another; one of files is imported under the name of the image. */
  kernel: kernelChoiceSchema.optional(),
});
/** A file of the user that is to be an image. */
export const imageRegisterSchema = z.strictObject({
  image: z.string().min(1).max(255),
  /** Absolute path of an ext4 file system, which is neither copied nor changed. */
  rootfs: z.string().min(1).max(4096),
  /** As for `image.pull`. */
  kernel: kernelChoiceSchema.optional(),
});

/** An image on its way out: the frames of `stdout` are a bundle, the `exit` frame a `CopyEnd`. */
export const imageExportedSchema = streamSchema.extend({
  /** Of the image. */
  name: z.string(),
});
export const imageListSchema = z.strictObject({
  /** Those of the catalog too. */ available: z.boolean(),
});

/** How an image wants to be run (OCI image specification, "Image Configuration"). */
export const imageConfigSchema = z.object({
  /** `NAME=VALUE`. */
  env: z.array(z.string()).readonly(),
  /** Empty when it says none: the root. */
  cwd: z.string(),
  /** `user`, `uid`, or either with `:group`; empty for root. */
  user: z.string(),
  entrypoint: z.array(z.string()).readonly(),
  cmd: z.array(z.string()).readonly(),
  /** As `80/tcp`: hints. */
  exposedPorts: z.array(z.string()).readonly(),
});

export type ImageConfig = z.infer<typeof imageConfigSchema>;

/** An image as clients see it. */
export const imageViewSchema = z.object({
  name: z.string(),
  /** Here on this machine, and not only in the catalog. */
  present: z.boolean(),
  distribution: z.string(),
  arch: z.string(),
  description: z.string(),
  /** Where it comes from: `recipe`, `oci`, `bundle`, `tarball` or `file`. */
  source: z.string(),
  /** What it came from, or could come from, in the order in which they are tried: `recipe`, or as it is pulled. */
  sources: z.array(z.string()),
  /** What was pulled, in its full form, or the file that was registered; empty for one of a recipe, as the next two. */
  reference: z.string(),
  digest: z.string(),
  /** As they came, the oldest first. */
  layers: z.array(z.object({ digest: z.string(), bytes: z.int() })),
  /** How it wants to be run; absent where it says nothing. */
  config: imageConfigSchema.optional(),
  /** False: its root file system is a file of the user, which must not change. */
  managed: z.boolean(),
  kernel: z.string(),
  /** `agent`: no init system in the image, the agent is PID 1; else the path of the image's init. */
  init: z.string(),
  /** The least root disk that it fits on, and what it takes on the host; 0 when not present. */
  sizeBytes: z.int(),
  diskUsedBytes: z.int(),
  createdAt: z.string(),
  usedBy: z.array(z.string()),
});
export type ImageView = z.infer<typeof imageViewSchema>;
