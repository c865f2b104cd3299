import { createHash } from 'node:crypto';
import { z } from 'zod';
import { DEFAULT_KERNEL } from '../../domain/vm-defaults.ts';
import { MOST_ADDRESS_CHARACTERS } from '../../host/http/download.ts';
import { isBundleAddress, MOST_BUNDLE_BYTES } from './bundle/bundle-address.ts';
import content from './catalog.json' with { type: 'json' };

/** Absolute, no `..`, no trailing slash. */
const imagePath = z.string().regex(/^(?:\/(?!\.{1,2}(?:\/|$))[\w@.+-]+)+$/);
/**
 * Not below what Debian has as a link to /usr: it would become a directory of its own, which holds nothing else. There it is to be named
 * by /usr.
 */
const writtenPath = imagePath.refine((path) => !/^\/(?:bin|sbin|lib(?:32|64|x32)?)(?:\/|$)/.test(path));
/** Debian Policy, section 5.6.1. */
const packageName = z.string().regex(/^[a-z0-9][a-z0-9+.-]+$/);

const steps = {
  /** Packages to install besides those of the variant, each with the reason why it is there. */
  packages: z.record(packageName, z.string()),
  /** Files to write; parents are there. */
  files: z.array(z.strictObject({ path: writtenPath, text: z.string(), why: z.string() })),
  /** Symbolic links to make; one to /dev/null masks a unit of systemd. */
  links: z.array(z.strictObject({ path: writtenPath, to: z.string(), why: z.string() })),
};

const recipeSchema = z.union([
  z.strictObject({
    type: z.literal('recipe'),
    /** Code name of the Debian release. */
    suite: z.string().regex(/^[a-z]+$/),
    /** What mmdebstrap starts from (mmdebstrap(1), VARIANTS). */
    variant: z.enum(['essential', 'apt', 'minbase', 'standard']),
    ...steps,
  }),
  z.strictObject({
    type: z.literal('recipe'),
    /** Name of the image whose recipe this one adds to. */
    extends: z.string(),
    ...steps,
  }),
]);

const sourceSchema = z.union([
  ...recipeSchema.options,
  /** What `image export` made. */
  z.strictObject({
    type: z.literal('bundle'),
    url: z
      .string()
      .max(MOST_ADDRESS_CHARACTERS)
      .refine(
        isBundleAddress,
        'must be an address that begins with https://, http:// or file:///, without a login and a query',
      ),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    bytes: z.int().positive().max(MOST_BUNDLE_BYTES).optional(),
  }),
  /** One of a registry, as people write it. */
  z.strictObject({ type: z.literal('oci'), reference: z.string().min(1).max(512) }),
]);

const artifactName = z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/);

const catalogSchema = z.strictObject({
  catalog: z.literal(1),
  images: z.array(
    z.strictObject({
      name: artifactName,
      description: z.string().max(200).default(''),
      distribution: z.string().max(64),
      /** Of another machine's kind than ours: passed over, so that one catalog can be shared by all kinds. */
      arch: z.string().min(1).max(32),
      kernel: artifactName.default(DEFAULT_KERNEL),
      /** For recipes, which do not tell it otherwise. */
      init: z.union([z.literal('agent'), imagePath]).default('agent'),
      /** Tried in this order. */
      sources: z.array(sourceSchema).min(1).max(8),
    }),
  ),
});

/** The one architecture whose images run. */
const ARCH = 'x86_64';

/** How an image is made, complete. */
export interface ImageRecipe {
  readonly name: string;
  readonly description: string;
  readonly distribution: string;
  readonly arch: 'x86_64';
  readonly kernel: string;
  readonly init: string;
  readonly suite: string;
  readonly variant: string;
  readonly packages: readonly string[];
  readonly files: readonly { readonly path: string; readonly text: string }[];
  readonly links: readonly { readonly path: string; readonly to: string }[];
}

/** Where an image of a catalog can be had. */
export type CatalogSource =
  | { readonly type: 'recipe'; readonly recipe: ImageRecipe }
  | Extract<z.infer<typeof sourceSchema>, { type: 'bundle' | 'oci' }>;

/** An image of a catalog. */
export interface CatalogImage {
  readonly name: string;
  readonly description: string;
  readonly distribution: string;
  readonly arch: string;
  readonly kernel: string;
  readonly init: string;
  readonly sources: readonly CatalogSource[];
}

/**
 * Reads a catalog; throws when it is not valid, has one name twice, or a recipe extends what is not there before it. `known`: recipes that
 * its own can extend besides.
 */
export function parseImageCatalog(
  value: unknown,
  known: readonly ImageRecipe[] = [],
): readonly CatalogImage[] {
  const recipes: ImageRecipe[] = [...known];
  const names = new Set<string>();
  const images: CatalogImage[] = [];
  for (const { sources: written, ...entry } of catalogSchema.parse(value).images) {
    if (entry.arch !== ARCH) continue;
    if (names.has(entry.name)) throw new Error(`it has the image ${entry.name} twice`);
    names.add(entry.name);
    const sources = written.map((source): CatalogSource => {
      if (source.type !== 'recipe') return source;
      return { type: 'recipe', recipe: completeRecipe({ ...entry, arch: ARCH }, source, recipes) };
    });
    const own = sources.flatMap((source) => (source.type === 'recipe' ? [source.recipe] : []));
    if (own.length > 1) throw new Error(`it has two recipes for the image ${entry.name}`);
    recipes.unshift(...own);
    images.push({ ...entry, sources });
  }
  return images;
}

function completeRecipe(
  entry: Omit<ImageRecipe, 'suite' | 'variant' | 'packages' | 'files' | 'links'>,
  source: z.infer<typeof recipeSchema>,
  recipes: readonly ImageRecipe[],
): ImageRecipe {
  const base = 'extends' in source ? recipes.find(({ name }) => name === source.extends) : source;
  if (base === undefined) throw new Error(`the recipe of ${entry.name} extends what is not there`);
  const inherited = 'name' in base ? base : { packages: [], files: [], links: [] };
  const { name, description, distribution, arch, kernel, init } = entry;
  return {
    ...{ name, description, distribution, arch, kernel, init },
    suite: base.suite,
    variant: base.variant,
    packages: [...new Set([...inherited.packages, ...Object.keys(source.packages)])].sort(),
    files: [...inherited.files, ...source.files],
    links: [...inherited.links, ...source.links],
  };
}

/** Tells two versions of a recipe apart. */
export function recipeSha256(recipe: ImageRecipe): string {
  return createHash('sha256').update(JSON.stringify(recipe)).digest('hex');
}

/** The embedded catalog, and its recipes. */
export const embeddedImages: readonly CatalogImage[] = parseImageCatalog(content);
export const imageCatalog: readonly ImageRecipe[] = embeddedImages.flatMap(({ sources }) =>
  sources.flatMap((source) => (source.type === 'recipe' ? [source.recipe] : [])),
);
