import { dirname } from 'node:path';
import type { StageContext } from '../../domain/stage-progress.ts';
import type { AptSources } from './apt-sources.ts';
import type { BuildNamespace } from './build-namespace.ts';
import type { ImageRecipe } from './catalog.ts';

/** Some 300 MB from a mirror and a hundred packages to set up: 20 s here, minutes on a slow line; an hour is a hang. */
const BUILD_TIMEOUT_MS = 60 * 60_000;

/** What mmdebstrap says when it begins something that takes time, and what it is called for a person. */
const STAGES: readonly (readonly [RegExp, string])[] = [
  [/^I: running apt-get update/, 'Fetching package lists'],
  [/^I: downloading packages/, 'Downloading packages'],
  [/^I: extracting archives/, 'Unpacking the base system'],
  [/^I: installing essential packages/, 'Setting up the base system'],
  [/^I: installing remaining packages/, 'Installing packages'],
  [/^I: cleaning package lists/, 'Cleaning up'],
];

/** Steps that `runMmdebstrap` tells of. */
export const MMDEBSTRAP_STEPS = STAGES.length;

/** Called when step `index`, counted from 0, begins. */
type OnStep = (index: number, stage: string) => void;

/** Builds a Debian tree at `tree`, an absolute path where nothing is yet, by mmdebstrap(1). */
export async function runMmdebstrap(
  recipe: ImageRecipe,
  sources: AptSources,
  tree: string,
  namespace: BuildNamespace,
  { signal, onStep }: Pick<StageContext, 'signal'> & { readonly onStep: OnStep },
): Promise<void> {
  await namespace.run(mmdebstrapArgv(recipe, sources, tree), {
    signal,
    timeoutMs: BUILD_TIMEOUT_MS,
    // What it leaves behind when it is killed goes with the staging directory.
    env: { LC_ALL: 'C.UTF-8', DEBIAN_FRONTEND: 'noninteractive', TMPDIR: dirname(tree) },
    onLine: (_stream, line) => {
      for (const [index, [pattern, stage]] of STAGES.entries()) if (pattern.test(line)) onStep(index, stage);
    },
  });
}

/** The command line; the namespace makes us root, so its mode is always `root`. */
export function mmdebstrapArgv(
  recipe: ImageRecipe,
  sources: AptSources,
  tree: string,
): readonly [string, ...string[]] {
  return [
    'mmdebstrap',
    '--mode=root',
    '--format=directory',
    '--architectures=amd64',
    `--variant=${recipe.variant}`,
    `--include=${recipe.packages.join(',')}`,
    // The tree is thrown away when anything fails, so that dpkg need not wait for the disk after each file.
    '--dpkgopt=force-unsafe-io',
    ...sources.settings.map((setting) => `--aptopt=${setting}`),
    recipe.suite,
    tree,
    ...sources.lines,
  ];
}
