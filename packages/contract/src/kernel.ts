import { z } from 'zod';

const kernelNameSchema = z.string().min(1).max(255);

export const kernelRefSchema = z.strictObject({ kernel: kernelNameSchema });
export const kernelPullSchema = z.strictObject({ kernel: kernelNameSchema, force: z.boolean() });

const kernelFilesSchema = z.strictObject({
  /** Absolute path of a bzImage, a vmlinux, or a directory with one and its modules. */ from: z.string(),
  /** Absolute path of an initramfs whose files are to be there besides those of banger. */ initrd: z
    .string()
    .optional(),
  /** Absolute path of a `lib/modules/RELEASE`; found beside the kernel unless told. */ modules: z
    .string()
    .optional(),
});
export const kernelImportSchema = kernelFilesSchema.extend({ kernel: kernelNameSchema, force: z.boolean() });

/** Which kernel an image is to boot: one by its name, or one of files that are imported with it. Both is no choice. */
export const kernelChoiceSchema = z.union([z.strictObject({ ref: kernelNameSchema }), kernelFilesSchema]);
export type KernelChoice = z.infer<typeof kernelChoiceSchema>;

export const kernelListSchema = z.strictObject({ available: z.boolean() });

/** A kernel as clients see it. */
export const kernelViewSchema = z.object({
  name: z.string(),
  present: z.boolean(),
  distribution: z.string(),
  arch: z.string(),
  /** As `uname -r` says it in the guest; empty when not present. */
  release: z.string(),
  /** Empty when not present and no catalog tells it. */
  version: z.string(),
  sha256: z.string(),
  /** Where it came from, or would come from. */
  source: z.string(),
  diskUsedBytes: z.int(),
  createdAt: z.string(),
  /** VMs that have it. */
  usedBy: z.array(z.string()),
  /** Images that boot it unless a VM is to have another. */
  usedByImages: z.array(z.string()),
});
export type KernelView = z.infer<typeof kernelViewSchema>;
