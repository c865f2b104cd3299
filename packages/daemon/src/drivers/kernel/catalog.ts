import { z } from 'zod';
import { isAddress, MOST_ADDRESS_CHARACTERS } from '../../host/http/download.ts';
import content from './catalog.json' with { type: 'json' };

/** What a file of a kernel may have: those with debug data in every module have some 1 GB. */
export const MOST_KERNEL_FILE_BYTES = 2 * 1024 ** 3;

const urlSchema = z
  .string()
  .max(MOST_ADDRESS_CHARACTERS)
  .refine(isAddress, 'must be an address that begins with https://, http:// or file:///, without a login');

const kernelSourceSchema = z.discriminatedUnion('type', [
  /** A package, or one that depends on it, of the package manager of Debian and its kin. */
  z.strictObject({ type: z.literal('apt'), package: z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/) }),
  /** A bzImage, a vmlinux, a Debian package, or a tar archive of a kernel and its modules. */
  z.strictObject({
    type: z.literal('url'),
    url: urlSchema,
    /** Of the file that is there, as it comes. */
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    bytes: z.int().positive().max(MOST_KERNEL_FILE_BYTES).optional(),
  }),
]);

/** Where a kernel of a catalog can be fetched. */
export type KernelPlace = z.infer<typeof kernelSourceSchema>;

const kernelCatalogSchema = z.strictObject({
  catalog: z.literal(1),
  kernels: z.array(
    z.strictObject({
      name: z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/),
      description: z.string().max(200).default(''),
      distribution: z.string().min(1).max(64),
      /** Of another machine's kind than ours: passed over, so that one catalog can be shared by all kinds. */
      arch: z.string().min(1).max(32),
      /** Where it is known before a pull. */
      version: z.string().min(1).max(128).optional(),
      /** Tried in this order. */
      sources: z.array(kernelSourceSchema).min(1).max(8),
    }),
  ),
});

/** A kernel of a catalog. */
export type KernelRecipe = z.infer<typeof kernelCatalogSchema>['kernels'][number];

/** The one architecture whose kernels banger can boot. */
const ARCH = 'x86_64';

/** Reads a catalog; throws when it is not valid, or has one name twice. */
export function parseKernelCatalog(value: unknown): readonly KernelRecipe[] {
  const kernels = kernelCatalogSchema.parse(value).kernels.filter(({ arch }) => arch === ARCH);
  const names = new Set<string>();
  for (const { name } of kernels) {
    if (names.has(name)) throw new Error(`it has the kernel ${name} twice`);
    names.add(name);
  }
  return kernels;
}

/** The embedded catalog. */
export const kernelCatalog: readonly KernelRecipe[] = parseKernelCatalog(content);
