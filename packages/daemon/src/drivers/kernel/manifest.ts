import { z } from 'zod';

/** Version of the manifest; a reader refuses what it does not know. */
export const KERNEL_MANIFEST_VERSION = 1;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

/** `manifest.json` of a stored kernel. */
export const kernelManifestSchema = z.strictObject({
  manifest: z.literal(KERNEL_MANIFEST_VERSION),
  name: z.string(),
  /** As `debian`; `unknown` for an imported file. */
  distribution: z.string(),
  /** As `x86_64`. */
  arch: z.string(),
  /** Of the package, as `6.1.192-2`; the release where there is no package. */
  version: z.string(),
  /** As `uname -r` says it in the guest. */
  release: z.string().min(1),
  /** Of vmlinux. */
  sha256,
  /** Where it came from: `package linux-image-…`, `import <path>` or an address. */
  source: z.string(),
  /** Name of the image that it was imported with; absent for one that was imported by itself. */
  image: z.string().optional(),
  /** SHA-256 of the files that it was then imported from, so that the same ones can be told. */
  importedSha256: sha256.optional(),
  /** ISO 8601, UTC. */
  createdAt: z.iso.datetime(),
  /** What it takes on disk. */
  bytes: z.int().nonnegative(),
  /** File names in the initramfs, in load order; empty for a kernel with everything built in. */
  modules: z.array(z.string()),
  /** What the initramfs was built from. */
  initramfs: z.strictObject({ agentSha256: sha256, layout: z.int() }),
});

/** What is known of a stored kernel. */
export type KernelManifest = z.infer<typeof kernelManifestSchema>;
