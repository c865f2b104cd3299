import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { imageCatalog, type ImageRecipe } from '../packages/daemon/src/drivers/image/catalog.ts';
import { compare, timed, type Benchmark } from './measure.ts';
import { banger, program } from './program.ts';

const IMAGE = 'debian-bookworm';

/** `image pull` of the default image against mmdebstrap with the same packages, and mkfs.ext4 of its tree. */
export const imageBuild: Benchmark = {
  name: 'image-build',
  rounds: 10,
  run: async ({ home, say }, rounds) => {
    const recipe = imageCatalog.find(({ name }) => name === IMAGE);
    if (recipe === undefined) throw new Error(`The catalog has no recipe for ${IMAGE}.`);
    const ours = async (): Promise<number> => {
      await banger(['image', 'delete', IMAGE], home);
      return timed(() => banger(['image', 'pull', IMAGE], home));
    };
    const { figures } = await compare(rounds, ours, () => bareBuild(recipe), say);
    return {
      name: 'image-build',
      what: '`image pull` : mmdebstrap with the same suite, variant and packages into a directory, then mkfs.ext4 -d of it (as root)',
      n: rounds,
      figures,
    };
  },
};

async function bareBuild({ suite, variant, packages }: ImageRecipe): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'banger-bare-image-'));
  const tree = join(directory, 'tree');
  const disk = join(directory, 'root.ext4');
  try {
    return await timed(async () => {
      await program([
        'mmdebstrap',
        '--quiet',
        `--variant=${variant}`,
        `--include=${packages.join(',')}`,
        suite,
        tree,
      ]);
      await program(['mkfs.ext4', '-q', '-d', tree, disk, '1G']);
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
