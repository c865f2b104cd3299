import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BangerError } from '@banger/contract/error';
import { checkArtifactName } from '../../domain/artifact-name.ts';
import { SingleFlight } from '../../domain/single-flight.ts';
import type { StageContext } from '../../domain/stage-progress.ts';
import { writeFileAtomic } from '../../host/private-files.ts';
import type { Runner } from '../../host/runner.ts';
import { hostSources } from './apt-sources.ts';
import type { BuildNamespace } from './build-namespace.ts';
import { imageCatalog, recipeSha256, type ImageRecipe } from './catalog.ts';
import type { ImageBuilder, ImageCatalogEntry, StoredImage } from './driver.ts';
import { makeExt4, roomyBytes, treeBytes, type RunInTree } from './ext4.ts';
import { IMAGE_MANIFEST_VERSION, type ImageManifest } from './manifest.ts';
import { MMDEBSTRAP_STEPS, runMmdebstrap } from './mmdebstrap.ts';
import { imageFiles, type ImageDirectory } from './store.ts';
import { finishTree } from './tree.ts';

const MIB = 1024 ** 2;
/**
 * A root file system has the size of the usual root disk, which costs nothing as it is sparse: to grow it at every first boot took the
 * guest 0.1 s under emulation. A smaller disk is made from a copy.
 */
const USUAL_ROOT_BYTES = 8 * 1024 * MIB;
/** Parity row D4: an image is never smaller. */
const LEAST_ROOT_BYTES = 1024 * MIB;
/** As small as a work disk may be made, because a file system of a template is only ever enlarged. */
const LEAST_WORK_BYTES = 64 * MIB;
/** What mke2fs gives a file system of 1 GiB, the smallest root disk. */
const ROOT_JOURNAL_MIB = 32;
/** A journal is not enlarged with its file system: as large as fits the template. */
const WORK_JOURNAL_MIB = 16;
/** The file system is made in one more step, and the image stored in another. */
const STEPS = MMDEBSTRAP_STEPS + 2;

/** Programs and the Debian packages that have them. */
const TOOLS = [
  ['mmdebstrap', 'mmdebstrap'],
  ['mke2fs', 'e2fsprogs'],
  ['e2fsck', 'e2fsprogs'],
] as const;

/** Images built on this machine by mmdebstrap, from packages of the distribution. */
export class RecipeImageBuilder implements ImageBuilder {
  readonly catalog: readonly ImageCatalogEntry[];
  readonly #recipes: readonly ImageRecipe[];
  readonly #store: ImageDirectory;
  readonly #runner: Runner;
  readonly #namespace: BuildNamespace;
  readonly #now: () => number;
  readonly #flights = new SingleFlight<StoredImage>();

  /** `store` must remove trees by this builder's namespace. `recipes`: the embedded catalog unless told. */
  constructor(options: {
    readonly store: ImageDirectory;
    readonly runner: Runner;
    readonly namespace: BuildNamespace;
    readonly now: () => number;
    readonly recipes?: readonly ImageRecipe[];
  }) {
    this.#recipes = options.recipes ?? imageCatalog;
    this.catalog = this.#recipes.map(catalogEntry);
    this.#store = options.store;
    this.#runner = options.runner;
    this.#namespace = options.namespace;
    this.#now = options.now;
  }

  async build(name: string, context: StageContext): Promise<StoredImage> {
    checkArtifactName('image', name);
    const recipe = this.#recipes.find((entry) => entry.name === name);
    const here = await this.#store.get(name);
    if (here !== undefined) return here;
    if (recipe === undefined)
      throw new BangerError('image_not_found', `"${name}" is not in the catalog of images.`, {
        details: { image: name },
      });
    return this.#flights.run(name, context, async (work) => {
      const present = await this.#store.get(name);
      if (present !== undefined) return present;
      await this.#checkTools();
      await this.#namespace.check(work.signal);
      const taken = (): BangerError =>
        new BangerError('name_taken', `There is an image named "${name}" already.`, {
          details: { image: name },
        });
      await this.#store.staged.make(name, taken, (staging) => this.#fill(recipe, staging, work));
      const image = await this.#store.get(name);
      if (image === undefined)
        throw new BangerError('internal', `The image ${name} was published and is not there.`);
      return image;
    });
  }

  async idle(name: string, signal: AbortSignal): Promise<void> {
    return this.#flights.idle(name, signal);
  }

  /** Inside the namespace a missing program would only be an exit code of unshare. */
  async #checkTools(): Promise<void> {
    for (const [program, debianPackage] of TOOLS)
      if ((await this.#runner.which(program)) === undefined)
        throw new BangerError('missing_tool', `Building an image needs ${program}, which is not installed.`, {
          hint: `Install it with \`sudo apt-get install ${debianPackage}\`.`,
          details: { program },
        });
  }

  async #fill(recipe: ImageRecipe, staging: string, { signal, onProgress }: StageContext): Promise<void> {
    const onStep = (index: number, stage: string): void =>
      onProgress({ stage, done: index, total: STEPS, unit: 'steps' });
    const tree = join(staging, 'tree');
    await mkdir(tree, { mode: 0o755 });
    const sources = await hostSources(this.#runner, recipe.suite, signal);
    await runMmdebstrap(recipe, sources, tree, this.#namespace, { signal, onStep });
    await finishTree(tree, recipe);

    onStep(STEPS - 2, 'Making the file systems');
    const run: RunInTree = (argv, options) => this.#namespace.run(argv, options);
    const contentBytes = await treeBytes(tree, run, signal);
    const home = join(tree, 'root');
    const workBytes = roomyBytes(await treeBytes(home, run, signal), LEAST_WORK_BYTES);
    const leastRootBytes = roomyBytes(contentBytes, LEAST_ROOT_BYTES);
    const root = {
      file: join(staging, imageFiles.rootDisk),
      tree,
      bytes: Math.max(leastRootBytes, USUAL_ROOT_BYTES),
      label: 'root',
      journalMib: ROOT_JOURNAL_MIB,
    };
    const work = {
      file: join(staging, imageFiles.workTemplate),
      tree: home,
      bytes: workBytes,
      label: 'work',
      journalMib: WORK_JOURNAL_MIB,
    };
    for (const plan of [root, work]) await makeExt4(plan, run, signal);

    onStep(STEPS - 1, 'Storing the image');
    await this.#namespace.remove(tree);
    const { name, distribution, suite, arch, description, kernel, init } = recipe;
    const manifest: ImageManifest = {
      manifest: IMAGE_MANIFEST_VERSION,
      ...{ name, distribution, suite, arch, description, kernel, init },
      source: 'recipe',
      recipeSha256: recipeSha256(recipe),
      rootBytes: root.bytes,
      leastRootBytes,
      workBytes,
      contentBytes,
      createdAt: new Date(this.#now()).toISOString(),
    };
    await writeFileAtomic(join(staging, imageFiles.manifest), `${JSON.stringify(manifest, null, 2)}\n`);
    if (signal.aborted) throw new BangerError('cancelled', 'The call was cancelled.');
  }
}

function catalogEntry({
  name,
  description,
  distribution,
  arch,
  kernel,
  init,
}: ImageRecipe): ImageCatalogEntry {
  return { name, description, distribution, arch, kernel, init, source: 'recipe' };
}
