import { parseImageCatalog } from '@banger/daemon/drivers/image/catalog';
import { BuildNamespace } from '@banger/daemon/drivers/image/build-namespace';
import { RecipeImageBuilder } from '@banger/daemon/drivers/image/builder';
import { ImageDirectory } from '@banger/daemon/drivers/image/store';
import { createRunner } from '@banger/daemon/host/execa-runner';

/** The least Debian, and its podman with what it needs for a network of its own. */
export const PODMAN = 'podman-bookworm';

const catalog = {
  catalog: 1,
  images: [
    {
      name: PODMAN,
      description: 'containers in a VM',
      distribution: 'debian',
      arch: 'x86_64',
      kernel: 'debian-cloud',
      init: 'agent',
      sources: [
        {
          type: 'recipe',
          suite: 'bookworm',
          variant: 'minbase',
          packages: {
            podman: 'what is tried',
            crun: 'starts its containers',
            netavark: 'makes their networks',
            iptables: 'which it does that with',
            kmod: 'loads the modules of the kernel',
          },
          files: [],
          links: [],
        },
      ],
    },
  ],
};

/** Builds it into the store of a home. */
export async function buildPodmanImage(images: string): Promise<void> {
  const runner = createRunner();
  const namespace = new BuildNamespace(runner);
  const store = new ImageDirectory(images, (path) => namespace.remove(path));
  const recipes = parseImageCatalog(catalog);
  const builder = new RecipeImageBuilder({ store, runner, namespace, now: Date.now, recipes });
  await builder.build(PODMAN, { signal: new AbortController().signal, onProgress: () => undefined });
}
