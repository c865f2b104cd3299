import type { Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { BangerError } from '@banger/contract/error';

/** A kernel image and its modules, somewhere on this machine. */
export interface KernelFiles {
  readonly image: string;
  /** The image as people know it; its path unless told. */
  readonly shown?: string;
  /** A `lib/modules/<release>` tree; absent for a kernel without modules. */
  readonly modules?: string;
}

const IMAGE_NAME = /^(?:vmlinuz|vmlinux|bzImage)(?:-.*)?$/;

/**
 * Finds the kernel that `path` means: a file; or a directory with exactly one image in it, in its `boot`, or (as some
 * distributions have it) beside its modules. Modules are looked for in the directory itself, in `modules`, `lib/modules`
 * and `usr/lib/modules`, and for a file in a `boot` directory beside that, unless it is told where they are. `shown` is what people know
 * the path as. Rejects with `invalid_argument` when there is nothing at a path, `kernel_invalid` when there is no kernel or
 * more than one, or modules are not where they are said to be.
 */
export async function findKernelFiles(
  path: string,
  { modules, shown }: { readonly modules?: string | undefined; readonly shown?: string } = {},
): Promise<KernelFiles> {
  const found = await find(path, shown ?? path);
  if (modules !== undefined && !(await isModuleTree(modules)))
    throw new BangerError(
      'kernel_invalid',
      `${modules} is no tree of modules: it has neither kernel/ nor modules.builtin.`,
      {
        hint: 'Give the path of a lib/modules/RELEASE.',
        details: { path: modules },
      },
    );
  return {
    ...found,
    ...(shown === undefined ? {} : { shown }),
    ...(modules === undefined ? {} : { modules }),
  };
}

async function find(path: string, shown: string): Promise<KernelFiles> {
  const info = await stat(path).catch((cause: unknown) => {
    throw new BangerError('invalid_argument', `${path} cannot be read.`, {
      cause,
      hint: 'Give the path of a bzImage, a vmlinux, or a directory with one and its modules.',
    });
  });
  if (!info.isDirectory()) {
    if (!info.isFile()) throw new BangerError('kernel_invalid', `${path} is neither a file nor a directory.`);
    const isInBoot = basename(dirname(path)) === 'boot';
    const release = /^[a-zA-Z]+-(.+)$/.exec(basename(path))?.[1];
    const root = dirname(dirname(path));
    const candidates = isInBoot && release !== undefined ? modulePaths(root, release) : [];
    return withModules(path, await firstModuleTree(candidates));
  }

  const trees = await moduleTrees(path);
  const images = [...new Set(await imagesIn([path, join(path, 'boot'), ...trees]))];
  const [image, ...more] = images;
  if (image === undefined)
    throw new BangerError('kernel_invalid', `There is no vmlinuz, vmlinux or bzImage in ${shown}.`);
  if (more.length > 0 || trees.length > 1) {
    const found = (more.length > 0 ? images : trees).map((each) => relative(path, each));
    throw new BangerError(
      'kernel_invalid',
      `There is more than one kernel in ${shown}: ${found.join(', ')}.`,
      {
        hint: 'Give the path of one of them.',
      },
    );
  }
  return withModules(image, trees[0]);
}

function withModules(image: string, modules: string | undefined): KernelFiles {
  return modules === undefined ? { image } : { image, modules };
}

function modulePaths(root: string, release: string): readonly string[] {
  return [join(root, 'lib/modules', release), join(root, 'usr/lib/modules', release)];
}

async function moduleTrees(root: string): Promise<readonly string[]> {
  if (await isModuleTree(root)) return [root];
  for (const parent of ['modules', 'lib/modules', 'usr/lib/modules'].map((name) => join(root, name))) {
    if (await isModuleTree(parent)) return [parent];
    const trees: string[] = [];
    for (const name of await entriesOf(parent)) {
      const tree = join(parent, name);
      if (await isModuleTree(tree)) trees.push(tree);
    }
    if (trees.length > 0) return trees;
  }
  return [];
}

async function firstModuleTree(candidates: readonly string[]): Promise<string | undefined> {
  for (const candidate of candidates) if (await isModuleTree(candidate)) return candidate;
  return undefined;
}

async function isModuleTree(path: string): Promise<boolean> {
  const has = async (name: string, is: (info: Stats) => boolean): Promise<boolean> =>
    stat(join(path, name)).then(is, () => false);
  return (
    (await has('kernel', (info) => info.isDirectory())) ||
    (await has('modules.builtin', (info) => info.isFile()))
  );
}

async function imagesIn(directories: readonly string[]): Promise<readonly string[]> {
  const images: string[] = [];
  for (const directory of directories)
    for (const name of await entriesOf(directory))
      if (IMAGE_NAME.test(name)) images.push(join(directory, name));
  return images;
}

async function entriesOf(directory: string): Promise<readonly string[]> {
  return readdir(directory).catch((error: unknown) => {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return [];
    throw error;
  });
}
