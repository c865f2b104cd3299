import { z } from 'zod';
import content from './catalog.json' with { type: 'json' };

/** Where a kernel of the catalog can be fetched; one for now. */
const kernelSourceSchema = z.discriminatedUnion('type', [
  /** A package, or one that depends on it, of the package manager of Debian and its kin. */
  z.strictObject({ type: z.literal('apt'), package: z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/) }),
]);

const kernelCatalogSchema = z.strictObject({
  catalog: z.literal(1),
  kernels: z.array(
    z.strictObject({
      name: z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._-]*$/),
      description: z.string(),
      distribution: z.string(),
      arch: z.literal('x86_64'),
      sources: z.tuple([kernelSourceSchema]),
    }),
  ),
});

/** A kernel of the catalog. */
export type KernelRecipe = z.infer<typeof kernelCatalogSchema>['kernels'][number];

/** The embedded catalog. */
export const kernelCatalog: readonly KernelRecipe[] = kernelCatalogSchema.parse(content).kernels;
