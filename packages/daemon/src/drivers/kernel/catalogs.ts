import type { BangerError } from '@banger/contract/error';
import { readCatalogFile } from '../../host/catalog-file.ts';
import { kernelCatalog, parseKernelCatalog, type KernelRecipe } from './catalog.ts';

/** How such a catalog is called, and where it is named. */
const THEIRS = { what: 'catalog of kernels', key: 'kernel_catalogs' };

/** What there is to be had, as far as the catalogs could be read. */
export interface KernelRecipes {
  readonly recipes: readonly KernelRecipe[];
  /** Why the others could not be. */
  readonly unreadable: readonly BangerError[];
}

/**
 * The catalogs of the configuration and the embedded one, read anew each time: a share that is not there keeps no daemon from
 * starting, and a new entry is seen at once. Of two kernels with one name that of the first catalog counts.
 */
export class KernelCatalogs {
  readonly #files: readonly string[];

  /** `files`: absolute paths, in their order. */
  constructor(files: readonly string[]) {
    this.#files = files;
  }

  async read(): Promise<KernelRecipes> {
    const recipes = new Map<string, KernelRecipe>();
    const unreadable: BangerError[] = [];
    for (const file of this.#files) {
      try {
        add(recipes, await readCatalogFile(file, THEIRS, parseKernelCatalog));
      } catch (error) {
        unreadable.push(error as BangerError);
      }
    }
    add(recipes, kernelCatalog);
    return { recipes: [...recipes.values()], unreadable };
  }

  /** Undefined when no catalog has it. Rejects with `config_invalid` when it may be in one that cannot be read. */
  async find(name: string): Promise<KernelRecipe | undefined> {
    const { recipes, unreadable } = await this.read();
    const found = recipes.find((recipe) => recipe.name === name);
    if (found === undefined && unreadable[0] !== undefined) throw unreadable[0];
    return found;
  }
}

function add(to: Map<string, KernelRecipe>, recipes: readonly KernelRecipe[]): void {
  for (const recipe of recipes) if (!to.has(recipe.name)) to.set(recipe.name, recipe);
}
