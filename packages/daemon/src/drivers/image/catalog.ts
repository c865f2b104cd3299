import { createHash } from 'node:crypto';
import { z } from 'zod';
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

const catalogSchema = z.strictObject({
  catalog: z.literal(1),
  images: z.array(
    z.strictObject({
      name: z.string().regex(/^[A-Za-z0-9_][A-Za-z0-9._-]*$/),
      description: z.string(),
      distribution: z.string(),
      arch: z.literal('x86_64'),
      kernel: z.string(),
      init: z.union([z.literal('agent'), imagePath]),
      sources: z.tuple([recipeSchema]),
    }),
  ),
});

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

/** Reads a catalog; throws when it is not valid, or a recipe extends what is not there before it. */
export function parseImageCatalog(value: unknown): readonly ImageRecipe[] {
  const recipes: ImageRecipe[] = [];
  for (const {
    sources: [source],
    ...entry
  } of catalogSchema.parse(value).images) {
    const base = 'extends' in source ? recipes.find(({ name }) => name === source.extends) : source;
    if (base === undefined) throw new Error(`the recipe of ${entry.name} extends what is not there`);
    const inherited = 'name' in base ? base : { packages: [], files: [], links: [] };
    recipes.push({
      ...entry,
      suite: base.suite,
      variant: base.variant,
      packages: [...new Set([...inherited.packages, ...Object.keys(source.packages)])].sort(),
      files: [...inherited.files, ...source.files],
      links: [...inherited.links, ...source.links],
    });
  }
  return recipes;
}

/** Tells two versions of a recipe apart. */
export function recipeSha256(recipe: ImageRecipe): string {
  return createHash('sha256').update(JSON.stringify(recipe)).digest('hex');
}

/** The embedded catalog. */
export const imageCatalog: readonly ImageRecipe[] = parseImageCatalog(content);
