import { z } from 'zod';

export const kernelRefSchema = z.strictObject({
  kernel: z.string().min(1).max(255),
});
export const kernelPullSchema = z.strictObject({
  kernel: z.string().min(1).max(255),
  force: z.boolean(),
});
export const kernelImportSchema = z.strictObject({
  kernel: z.string().min(1).max(255),
  /** Absolute path of a bzImage, a vmlinux, or a directory with one and its modules. */ from: z.string(),
  force: z.boolean(),
});
export const kernelListSchema = z.strictObject({ available: z.boolean() });

/** A kernel as clients see it. */
export const kernelViewSchema = z.object({
  name: z.string(),
  present: z.boolean(),
  distribution: z.string(),
  arch: z.string(),
  /** As `uname -r` says it in the guest; empty when not present. */
  release: z.string(),
  version: z.string(),
  sha256: z.string(),
  source: z.string(),
  diskUsedBytes: z.int(),
  createdAt: z.string(),
  usedBy: z.array(z.string()),
});
export type KernelView = z.infer<typeof kernelViewSchema>;
