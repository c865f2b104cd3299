import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hostSources } from '../packages/daemon/src/drivers/image/apt-sources.ts';
import { imageCatalog } from '../packages/daemon/src/drivers/image/catalog.ts';
import { mmdebstrapArgv } from '../packages/daemon/src/drivers/image/mmdebstrap.ts';
import { createRunner } from '../packages/daemon/src/host/execa-runner.ts';
import { ratio, summary, takeTurns, timed, type Benchmark } from './measure.ts';
import { banger, program } from './program.ts';

const IMAGE = 'debian-bookworm';

/** `image pull` of the default image against mmdebstrap and mkfs.ext4 alone, as root. */
export const imageBuild: Benchmark = {
  name: 'image-build',
  rounds: 10,
  run: async ({ home, say }, rounds) => {
    const recipe = imageCatalog.find(({ name }) => name === IMAGE);
    if (recipe === undefined) throw new Error(`The catalog has no recipe for ${IMAGE}.`);
    const sources = await hostSources(createRunner(), recipe.suite, new AbortController().signal);
    const manifest = readFileSync(join(home, 'state/images', IMAGE, 'manifest.json'), 'utf8');
    const { rootBytes } = JSON.parse(manifest) as { readonly rootBytes: number };
    const values = await takeTurns(
      rounds,
      {
        ours: async () => {
          await banger(['image', 'delete', IMAGE], home);
          return timed(() => banger(['image', 'pull', IMAGE], home));
        },
        bare: () => bareBuild((tree) => mmdebstrapArgv(recipe, sources, tree), rootBytes),
      },
      say,
    );
    return {
      name: 'image-build',
      what: '`image pull` : the same mmdebstrap command, then mkfs.ext4 -d of its tree into a file of the same size',
      n: rounds,
      figures: { ratio: ratio(values.ours, values.bare), ...summary(values) },
      values,
    };
  },
};

async function bareBuild(mmdebstrap: (tree: string) => readonly string[], bytes: number): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'banger-bare-image-'));
  const tree = join(directory, 'tree');
  try {
    return await timed(async () => {
      // In a mount namespace, so that an interruption leaves none of its mounts for what removes the directory.
      await program(['unshare', '--mount', '--', ...mmdebstrap(tree)]);
      await program(['mkfs.ext4', '-q', '-d', tree, join(directory, 'root.ext4'), `${bytes / 1024}k`]);
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
