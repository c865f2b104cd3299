import { z } from 'zod';
import { MOST_LAYERS } from '../image-limits.ts';

/** `oci-layout` (image-layout.md). */
export const layoutSchema = z.object({ imageLayoutVersion: z.string().regex(/^1\./) });

/** `manifest.json` of `docker save`: images of one archive. */
export const dockerManifestSchema = z.array(
  z.object({
    Config: z.string(),
    RepoTags: z.array(z.string()).nullish(),
    Layers: z.array(z.string()).max(MOST_LAYERS),
  }),
);
