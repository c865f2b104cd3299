import { z } from 'zod';

/** What one kind of thing takes on the host's disks, holes left out. */
const diskUseSchema = z.object({
  kind: z.enum(['images', 'kernels', 'vms', 'layers']),
  count: z.int(),
  /** Of these, how many somebody needs: images and kernels that are used, VMs that are not stopped or are protected, layers that a pull works with. */
  needed: z.int(),
  bytes: z.int(),
  /** What deleting all the others would free. */
  freeableBytes: z.int(),
});

export const diskUsesSchema = z.array(diskUseSchema);
export type DiskUses = z.infer<typeof diskUsesSchema>;
export type DiskUseRow = DiskUses[number];

export const cachePruneSchema = z.strictObject({
  /** Only count: remove nothing. */
  dryRun: z.boolean(),
});

export const cachePrunedSchema = z.object({
  /** Layers that were removed, or would be, and their bytes. */
  layers: z.int(),
  bytes: z.int(),
  /** Layers that a pull works with, and that stay for it. */
  kept: z.int(),
});
export type CachePruned = z.infer<typeof cachePrunedSchema>;
