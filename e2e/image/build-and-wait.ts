import { parseImageCatalog } from '@banger/daemon/drivers/image/catalog';
import { BuildNamespace } from '@banger/daemon/drivers/image/build-namespace';
import { RecipeImageBuilder } from '@banger/daemon/drivers/image/builder';
import { ImageDirectory } from '@banger/daemon/drivers/image/store';
import { createRunner } from '@banger/daemon/host/execa-runner';

/** An image that is built in seconds: what Debian calls essential, and one package to install in it. */
export const TINY = 'tiny';

const catalog = {
  catalog: 1,
  images: [
    {
      name: TINY,
      description: 'as little as can be built',
      distribution: 'debian',
      arch: 'x86_64',
      kernel: 'debian-cloud',
      init: 'agent',
      sources: [
        {
          type: 'recipe',
          suite: 'bookworm',
          variant: 'essential',
          packages: { passwd: 'something to install, with files of several owners' },
          files: [{ path: '/etc/tiny', text: 'tiny\n', why: 'to see it' }],
          links: [{ path: '/etc/masked', to: '/dev/null', why: 'to see it' }],
        },
      ],
    },
  ],
};

/** Store and builder of the tiny image below `root`, on this machine. */
export function tinyImages(root: string): {
  readonly store: ImageDirectory;
  readonly builder: RecipeImageBuilder;
} {
  const runner = createRunner();
  const namespace = new BuildNamespace(runner);
  const store = new ImageDirectory(root, (path) => namespace.remove(path));
  const recipes = parseImageCatalog(catalog);
  return { store, builder: new RecipeImageBuilder({ store, runner, namespace, now: Date.now, recipes }) };
}

// As a program: builds below the directory it is given, and tells its stages on stdout.
if (import.meta.main) {
  const { builder } = tinyImages(process.argv[2] ?? '');
  await builder.build(TINY, {
    signal: new AbortController().signal,
    onProgress: ({ stage }) => console.log(stage),
  });
}
