import { z } from 'zod';

export const imageRefSchema = z.strictObject({
  image: z.string().min(1).max(255),
});
export const imagePullSchema = z.strictObject({
  image: z.string().min(1).max(255),
});
export const imageListSchema = z.strictObject({
  /** Those of the catalog too. */ available: z.boolean(),
});

/** An image as clients see it. */
export const imageViewSchema = z.object({
  name: z.string(),
  /** Here on this machine, and not only in the catalog. */
  present: z.boolean(),
  distribution: z.string(),
  arch: z.string(),
  description: z.string(),
  /** Where it comes from, as `recipe`. */
  source: z.string(),
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
