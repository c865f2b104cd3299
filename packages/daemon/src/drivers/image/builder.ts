import { randomBytes } from 'node:crypto';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BangerError } from '@banger/contract/error';
import { checkArtifactName } from '../../domain/artifact-name.ts';
import { SingleFlight } from '../../domain/single-flight.ts';
import type { StageContext } from '../../domain/stage-progress.ts';
import type { Runner } from '../../host/runner.ts';
import { hostSources } from './apt-sources.ts';
import type { BuildNamespace } from './build-namespace.ts';
import { imageCatalog, recipeSha256, type ImageRecipe } from './catalog.ts';
import type { ImageBuilder, StoredImage } from './driver.ts';
import { timestampOfMs } from './ext4/time.ts';
import { IMAGE_MANIFEST_VERSION, type ImageManifest } from './manifest.ts';
import { MMDEBSTRAP_STEPS, runMmdebstrap } from './mmdebstrap.ts';
import { ByteBudget } from './oci/byte-budget.ts';
import { writeImageDisks, type ImageDisks } from './oci/image-disks.ts';
import { archiveLayer } from './oci/layer.ts';
import { FileChunks } from './oci/source/file-chunks.ts';
import { recipeLayer } from './recipe-layer.ts';
import { imageFiles, storeManifest, type ImageDirectory } from './store.ts';

/** Two steps more: the tree is packed, and the disks are written. */
const STEPS = MMDEBSTRAP_STEPS + 2;

/** Programs and the Debian packages that have them. */
const TOOLS = [
  ['mmdebstrap', 'mmdebstrap'],
  ['tar', 'tar'],
] as const;

/** Images built on this machine by mmdebstrap, from packages of the distribution. */
export class RecipeImageBuilder implements ImageBuilder {
  readonly #recipe: (name: string) => Promise<ImageRecipe | undefined>;
  readonly #store: ImageDirectory;
  readonly #runner: Runner;
  readonly #namespace: BuildNamespace;
  readonly #now: () => number;
  readonly #flights = new SingleFlight<StoredImage>();

  /** `store` must remove trees by this builder's namespace. `recipe` gives that of an image: one of the embedded catalog unless told. */
  constructor(options: {
    readonly store: ImageDirectory;
    readonly runner: Runner;
    readonly namespace: BuildNamespace;
    readonly now: () => number;
    readonly recipe?: (name: string) => Promise<ImageRecipe | undefined>;
  }) {
    this.#recipe = options.recipe ?? (async (name) => imageCatalog.find((recipe) => recipe.name === name));
    this.#store = options.store;
    this.#runner = options.runner;
    this.#namespace = options.namespace;
    this.#now = options.now;
  }

  async build(name: string, context: StageContext): Promise<StoredImage> {
    checkArtifactName('image', name);
    const here = await this.#store.get(name);
    if (here !== undefined) return here;
    const recipe = await this.#recipe(name);
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

    onStep(STEPS - 2, 'Packing the system');
    const archive = join(staging, 'system.tar');
    await this.#namespace.run(packArgv(tree, archive), { signal });
    await this.#namespace.remove(tree);

    onStep(STEPS - 1, 'Writing the disks');
    const now = this.#now();
    const disks = await writeDisks(recipe, archive, staging, now, signal);
    await rm(archive);
    const { name, distribution, suite, arch, description, kernel, init } = recipe;
    const manifest: ImageManifest = {
      manifest: IMAGE_MANIFEST_VERSION,
      ...{ name, distribution, suite, arch, description, kernel, init },
      source: 'recipe',
      recipeSha256: recipeSha256(recipe),
      rootBytes: disks.rootBytes,
      leastRootBytes: disks.leastRootBytes,
      workBytes: disks.workBytes,
      contentBytes: disks.contentBytes,
      createdAt: new Date(now).toISOString(),
    };
    await storeManifest(staging, manifest, signal);
  }
}

/**
 * Only root of the namespace can read the tree and see the true owners. mmdebstrap could pack it too, but copies the archive in pieces of
 * 1 KiB, which takes three times as long.
 */
function packArgv(tree: string, archive: string): readonly [string, ...string[]] {
  const format = ['--format=pax', '--pax-option=delete=atime,delete=ctime', '--xattrs', '--numeric-owner'];
  return ['tar', '--create', `--file=${archive}`, ...format, '--sort=name', `--directory=${tree}`, '.'];
}

async function writeDisks(
  recipe: ImageRecipe,
  archive: string,
  staging: string,
  nowMs: number,
  signal: AbortSignal,
): Promise<ImageDisks> {
  const { size } = await stat(archive);
  const now = timestampOfMs(nowMs);
  const system = (): AsyncIterable<Buffer> => new FileChunks(archive, 0, size);
  return writeImageDisks(() => [archiveLayer(system, new ByteBudget(), signal), recipeLayer(recipe, now)], {
    rootFile: join(staging, imageFiles.rootDisk),
    workFile: join(staging, imageFiles.workTemplate),
    now,
    random: randomBytes,
    signal,
  });
}
