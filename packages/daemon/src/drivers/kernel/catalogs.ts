import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { BangerError } from '@banger/contract/error';
import { z } from 'zod';
import { kernelCatalog, parseKernelCatalog, type KernelRecipe } from './catalog.ts';

/** Some 5,000 kernels; what is longer is another file. */
const MOST_BYTES = 1024 ** 2;

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
        add(recipes, await readCatalog(file));
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

/** Rejects with `config_invalid`, naming the file and what is wrong. */
async function readCatalog(file: string): Promise<readonly KernelRecipe[]> {
  try {
    return parseKernelCatalog(JSON.parse(await readText(file)));
  } catch (cause) {
    throw new BangerError(
      'config_invalid',
      `The catalog of kernels ${file} cannot be used: ${reasonOf(cause)}.`,
      { cause, hint: 'Correct it, or take it out of kernel_catalogs.', details: { path: file } },
    );
  }
}

async function readText(file: string): Promise<string> {
  // Without O_NONBLOCK a FIFO would be waited for.
  const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!(await handle.stat()).isFile()) throw new Error('it is no file');
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(MOST_BYTES + 1), 0, MOST_BYTES + 1, 0);
    if (bytesRead > MOST_BYTES) throw new Error(`it is longer than ${MOST_BYTES / 1024} KiB`);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}

function reasonOf(cause: unknown): string {
  if (cause instanceof z.ZodError) {
    const [issue] = cause.issues;
    return `${issue?.path.join('.') || 'its content'}: ${issue?.message}`;
  }
  if (cause instanceof SyntaxError) return 'it is not JSON';
  const { code, message } = cause as NodeJS.ErrnoException;
  return code === undefined ? message : `it cannot be read (${code})`;
}
