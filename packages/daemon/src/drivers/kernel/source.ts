import { mkdir, rm } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { BangerError, isBangerError } from '@banger/contract/error';
import { checkArtifactName } from '../../domain/artifact-name.ts';
import { SingleFlight } from '../../domain/single-flight.ts';
import type { StageContext } from '../../domain/stage-progress.ts';
import type { Runner } from '../../host/runner.ts';
import { AptArchive, type AptPackage } from './apt-archive.ts';
import { assembleKernel, type KernelOrigin } from './assemble.ts';
import { kernelCatalog, type KernelRecipe } from './catalog.ts';
import type { KernelCatalogEntry, KernelSource, StoredKernel } from './driver.ts';
import { readAgent } from './initramfs.ts';
import { findKernelFiles, type KernelFiles } from './kernel-files.ts';
import type { KernelDirectory } from './store.ts';

/** Kernels from the distribution's packages, and from files of the user. */
export class HostKernelSource implements KernelSource {
  readonly catalog: readonly KernelCatalogEntry[];
  readonly #recipes: readonly KernelRecipe[];
  readonly #store: KernelDirectory;
  readonly #runner: Runner;
  readonly #agent: string;
  readonly #now: () => number;
  readonly #flights = new SingleFlight<StoredKernel>();

  /** `agent`: absolute path of the static agent binary. `recipes`: the embedded catalog unless told. */
  constructor(options: {
    readonly store: KernelDirectory;
    readonly runner: Runner;
    readonly agent: string;
    readonly now: () => number;
    readonly recipes?: readonly KernelRecipe[];
  }) {
    this.#recipes = options.recipes ?? kernelCatalog;
    this.catalog = this.#recipes.map(({ name, description, distribution, arch }) => ({
      name,
      description,
      distribution,
      arch,
    }));
    this.#store = options.store;
    this.#runner = options.runner;
    this.#agent = options.agent;
    this.#now = options.now;
  }

  async pull(
    name: string,
    options: { readonly force: boolean },
    context: StageContext,
  ): Promise<StoredKernel> {
    checkArtifactName('kernel', name);
    const recipe = this.#recipes.find((entry) => entry.name === name);
    if (recipe === undefined)
      throw new BangerError('kernel_not_found', `"${name}" is not in the catalog of kernels.`, {
        details: { kernel: name },
      });
    return this.#make(name, options, context, async (staging, work) => {
      const fetched = await this.#fetchPackage(recipe.sources[0].package, staging, work);
      const unpacked = join(staging, 'package');
      work.onProgress({ stage: 'Unpacking the kernel', detail: fetched.package.name });
      await this.#runner.run(['dpkg-deb', '--extract', fetched.file, unpacked], { signal: work.signal });
      await rm(join(staging, 'fetch'), { recursive: true });
      const origin = {
        distribution: recipe.distribution,
        version: fetched.package.version,
        source: `package ${fetched.package.name}`,
      };
      return { files: await findKernelFiles(unpacked), origin, move: true };
    });
  }

  async import(
    name: string,
    from: string,
    options: { readonly force: boolean },
    context: StageContext,
  ): Promise<StoredKernel> {
    checkArtifactName('kernel', name);
    if (!isAbsolute(from)) throw new BangerError('invalid_argument', `"${from}" is not an absolute path.`);
    return this.#make(name, options, context, async () => {
      const files = await findKernelFiles(from);
      return { files, origin: { distribution: 'unknown', source: `import ${from}` }, move: false };
    });
  }

  async idle(name: string, signal: AbortSignal): Promise<void> {
    return this.#flights.idle(name, signal);
  }

  /** `gather` answers the kernel's files; `move` says that they lie in the staging directory and may be renamed. */
  async #make(
    name: string,
    { force }: { readonly force: boolean },
    context: StageContext,
    gather: (
      staging: string,
      work: StageContext,
    ) => Promise<{ readonly files: KernelFiles; readonly origin: KernelOrigin; readonly move: boolean }>,
  ): Promise<StoredKernel> {
    return this.#flights.run(name, context, async (work) => {
      const taken = (): BangerError =>
        new BangerError('kernel_exists', `There is a kernel named "${name}" already.`, {
          details: { kernel: name },
        });
      if (!force && (await this.#store.staged.has(name))) throw taken();
      const agent = await readAgent(this.#agent);
      await this.#store.staged.make(name, force ? 'replace' : taken, async (staging) => {
        const { files, origin, move } = await gather(staging, work);
        await assembleKernel(
          { name, staging, files, origin, move, agent, now: this.#now() },
          this.#runner,
          work,
        );
      });
      const kernel = await this.#store.get(name);
      if (kernel === undefined)
        throw new BangerError('internal', `The kernel ${name} was published and is not there.`);
      return kernel;
    });
  }

  async #fetchPackage(
    name: string,
    staging: string,
    { signal, onProgress }: StageContext,
  ): Promise<{ readonly package: AptPackage; readonly file: string }> {
    const directory = join(staging, 'fetch');
    onProgress({ stage: 'Looking for the kernel package', detail: name });
    const attempt = async (
      archive: AptArchive,
    ): Promise<{ readonly package: AptPackage; readonly file: string }> => {
      const wanted = await resolveImagePackage(archive, name);
      await rm(directory, { recursive: true, force: true });
      await mkdir(directory, { mode: 0o700 });
      const stage = `Fetching ${wanted.name}`;
      onProgress({ stage, done: 0, total: wanted.size, unit: 'bytes' });
      const file = await archive.download(wanted, directory, (done, total) =>
        onProgress({ stage, done, total, unit: 'bytes' }),
      );
      return { package: wanted, file };
    };
    try {
      return await attempt(AptArchive.installed(this.#runner, signal));
    } catch (error) {
      // Lists that were never fetched know no package, old ones name a version that the mirror has dropped.
      if (!isBangerError(error, 'kernel_not_found') && !isBangerError(error, 'command_failed')) throw error;
      onProgress({ stage: 'Fetching package lists', detail: "of this machine's sources, for this once" });
      const lists = join(staging, 'apt');
      const found = await attempt(await AptArchive.fresh(this.#runner, signal, lists));
      await rm(lists, { recursive: true });
      return found;
    }
  }
}

/** The package with the kernel in it: the named one, or the one that it depends on as a meta package. */
async function resolveImagePackage(archive: AptArchive, name: string): Promise<AptPackage> {
  const meta = await archive.show(name);
  if (meta === undefined) throw unknownPackage(name);
  const dependency = meta.depends.find((each) => each.startsWith('linux-image-'));
  if (dependency === undefined) return meta;
  const image = await archive.show(dependency);
  if (image === undefined) throw unknownPackage(dependency);
  return image;
}

function unknownPackage(name: string): BangerError {
  return new BangerError('kernel_not_found', `The package sources of this machine have no ${name}.`, {
    hint: 'Take a kernel with `banger kernel import`, as `banger kernel import my-kernel --from /lib/modules/$(uname -r)`.',
    details: { package: name },
  });
}
