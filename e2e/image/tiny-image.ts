import { BuildNamespace } from '@banger/daemon/drivers/image/build-namespace';
import { RecipeImageBuilder } from '@banger/daemon/drivers/image/builder';
import type { ImageRecipe } from '@banger/daemon/drivers/image/catalog';
import { ImageDirectory } from '@banger/daemon/drivers/image/store';
import { createRunner } from '@banger/daemon/host/execa-runner';

/**
 * What is built in seconds, by all that an image goes through but the scripts of its packages: two of them, unpacked and not set up, which
 * no recipe of the catalog may ask for. The images of the catalog are built for all tests.
 */
const recipe: ImageRecipe = {
  name: 'tiny',
  description: 'as little as can be built',
  distribution: 'debian',
  arch: 'x86_64',
  kernel: 'debian-cloud',
  init: 'agent',
  suite: 'bookworm',
  variant: 'extract',
  packages: ['base-files', 'base-passwd'],
  files: [{ path: '/etc/tiny', text: 'tiny\n' }],
  links: [{ path: '/etc/masked', to: '/dev/null' }],
};

/** The name of the image. */
export const TINY = recipe.name;

/** Store and builder of the tiny image below `root`, on this machine. */
export function tinyImages(root: string): {
  readonly store: ImageDirectory;
  readonly builder: RecipeImageBuilder;
} {
  const runner = createRunner();
  const namespace = new BuildNamespace(runner);
  const store = new ImageDirectory(root, (path) => namespace.remove(path));
  const recipeOf = async (name: string): Promise<ImageRecipe | undefined> =>
    name === TINY ? recipe : undefined;
  const options = { store, runner, namespace, now: Date.now, recipe: recipeOf };
  return { store, builder: new RecipeImageBuilder(options) };
}
