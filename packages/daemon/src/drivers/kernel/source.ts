import { mkdir, rm } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { BangerError, isBangerError } from '@banger/contract/error';
import { checkArtifactName } from '../../domain/artifact-name.ts';
import { SingleFlight } from '../../domain/single-flight.ts';
import type { StageContext } from '../../domain/stage-progress.ts';
import { Downloads, placeText, type DownloadOptions } from '../../host/http/download.ts';
import type { Runner } from '../../host/runner.ts';
import { fetchAptKernel } from './apt-kernel.ts';
import type { ArchiveReaders } from './archive-readers.ts';
import { assembleKernel, fetchedIn, unpackedIn, type KernelOrigin } from './assemble.ts';
import { MOST_KERNEL_FILE_BYTES, type KernelPlace, type KernelRecipe } from './catalog.ts';
import { KernelCatalogs } from './catalogs.ts';
import type { ImportedFiles, ImportOptions, KernelCatalog, KernelSource, StoredKernel } from './driver.ts';
import { importedSha256 } from './imported-hash.ts';
import { readAgent, readInitrd } from './initramfs.ts';
import { findKernelFiles, type KernelFiles } from './kernel-files.ts';
import type { KernelDirectory } from './store.ts';
import { unpackKernel } from './unpack.ts';

/** A file that has come. */
interface Fetched {
  readonly file: string;
  /** Where from, for people. */
  readonly source: string;
  /** Where the source tells one. */
  readonly version?: string;
}

/** What a kernel is assembled from. */
interface Gathered {
  readonly files: KernelFiles;
  readonly origin: KernelOrigin;
  /** The files lie in the staging directory and may be renamed. */
  readonly move: boolean;
  readonly initrd?: Buffer;
}

/** What kernels come from. */
export interface HostKernelSourceOptions {
  readonly store: KernelDirectory;
  readonly runner: Runner;
  /** Absolute path of the static agent binary. */
  readonly agent: string;
  readonly readers: ArchiveReaders;
  /** `mostBytes`: what a file of a kernel may have, unless told. */
  readonly downloads: Omit<DownloadOptions, 'mostBytes'> & { readonly mostBytes?: number };
  /** Absolute paths of the catalogs that come before the embedded one. */
  readonly catalogs: readonly string[];
}

/** Kernels from catalogs, which name packages and addresses, and from files of the user. */
export class HostKernelSource implements KernelSource {
  readonly #catalogs: KernelCatalogs;
  readonly #store: KernelDirectory;
  readonly #runner: Runner;
  readonly #agent: string;
  readonly #readers: ArchiveReaders;
  readonly #downloads: Downloads;
  readonly #now: () => number;
  readonly #flights = new SingleFlight<StoredKernel>();

  constructor({ store, runner, agent, readers, downloads, catalogs }: HostKernelSourceOptions) {
    this.#catalogs = new KernelCatalogs(catalogs);
    this.#store = store;
    this.#runner = runner;
    this.#agent = agent;
    this.#readers = readers;
    this.#downloads = new Downloads({ mostBytes: MOST_KERNEL_FILE_BYTES, ...downloads });
    this.#now = () => downloads.clock.now();
  }

  async catalog(): Promise<KernelCatalog> {
    const { recipes, unreadable } = await this.#catalogs.read();
    const entries = recipes.map(({ name, description, distribution, arch, version = '', sources }) => ({
      ...{ name, description, distribution, arch, version },
      source: sources.slice(0, 1).map(sourceText).join(),
    }));
    return { entries, unreadable };
  }

  async pull(
    name: string,
    options: { readonly force: boolean },
    context: StageContext,
  ): Promise<StoredKernel> {
    checkArtifactName('kernel', name);
    return this.#make(name, options, context, async () => {
      const recipe = await this.#catalogs.find(name);
      if (recipe === undefined)
        throw new BangerError('kernel_not_found', `"${name}" is not in the catalog of kernels.`, {
          details: { kernel: name },
        });
      return (staging, work) => this.#gather(recipe, staging, work);
    });
  }

  async import(
    name: string,
    imported: ImportedFiles,
    options: ImportOptions,
    context: StageContext,
  ): Promise<StoredKernel> {
    checkArtifactName('kernel', name);
    const { image } = options;
    checkAbsolute(imported);
    return this.#make(name, options, context, async () => async () => {
      const { files, ...rest } = await readImported(imported);
      const withImage =
        image === undefined ? {} : { image, importedSha256: await importedSha256(files, rest.initrd) };
      const origin = { distribution: 'unknown', source: `import ${imported.from}`, ...withImage };
      return { files, ...rest, origin, move: false };
    });
  }

  async importedSha256(imported: ImportedFiles): Promise<string> {
    checkAbsolute(imported);
    const { files, initrd } = await readImported(imported);
    return importedSha256(files, initrd);
  }

  async idle(name: string, signal: AbortSignal): Promise<void> {
    return this.#flights.idle(name, signal);
  }

  /** From the first of its sources that works; why another did not is told as a warning. */
  async #gather(recipe: KernelRecipe, staging: string, work: StageContext): Promise<Gathered> {
    for (const [index, place] of recipe.sources.entries()) {
      try {
        return await this.#gatherFrom(place, recipe, staging, work);
      } catch (error) {
        const next = recipe.sources[index + 1];
        // A disk that is full for one source is full for all.
        if (next === undefined || work.signal.aborted || !isBangerError(error) || error.code === 'disk_full')
          throw error;
        work.onProgress({ stage: `${error.message} Trying ${sourceText(next)}.`, level: 'warning' });
        for (const directory of [fetchedIn(staging), unpackedIn(staging)])
          await rm(directory, { recursive: true, force: true });
      }
    }
    throw new BangerError('internal', `The kernel ${recipe.name} has no source.`);
  }

  async #gatherFrom(
    place: KernelPlace,
    { name, distribution, version }: KernelRecipe,
    staging: string,
    work: StageContext,
  ): Promise<Gathered> {
    const { file, source, ...known } = await this.#fetch(place, name, staging, work);
    work.onProgress({ stage: 'Unpacking the kernel', detail: source });
    const tools = { runner: this.#runner, readers: this.#readers, signal: work.signal };
    const unpacked = unpackedIn(staging);
    const path = await unpackKernel(file, unpacked, source, tools);
    // What came out of an archive is somewhere else by now.
    if (path.startsWith(unpacked)) await rm(fetchedIn(staging), { recursive: true });
    const origin = { distribution, source, ...(version === undefined ? {} : { version }), ...known };
    return { files: await findKernelFiles(path, { shown: source }), origin, move: true };
  }

  async #fetch(place: KernelPlace, name: string, staging: string, work: StageContext): Promise<Fetched> {
    const directory = fetchedIn(staging);
    if (place.type === 'apt') {
      const places = { directory, scratch: staging };
      const fetched = await fetchAptKernel(place.package, places, this.#runner, work);
      const { name: source, version } = fetched.package;
      return { file: fetched.file, source: `package ${source}`, version };
    }
    await mkdir(directory, { mode: 0o700 });
    const file = join(directory, 'kernel');
    const names = { what: `the kernel ${name}`, stage: `Fetching kernel ${name}` };
    await this.#downloads.fetch(names, place, file, work);
    return { file, source: placeText(place.url) };
  }

  /** `prepare` finds out where the files come from, before anything is made. */
  async #make(
    name: string,
    { force }: { readonly force: boolean },
    context: StageContext,
    prepare: () => Promise<(staging: string, work: StageContext) => Promise<Gathered>>,
  ): Promise<StoredKernel> {
    return this.#flights.run(name, context, async (work) => {
      const taken = (): BangerError =>
        new BangerError('kernel_exists', `There is a kernel named "${name}" already.`, {
          details: { kernel: name },
        });
      const gather = await prepare();
      if (!force && (await this.#store.staged.has(name))) throw taken();
      const agent = await readAgent(this.#agent);
      await this.#store.staged.make(name, force ? 'replace' : taken, async (staging) => {
        const gathered = await gather(staging, work);
        await assembleKernel({ name, staging, ...gathered, agent, now: this.#now() }, this.#runner, work);
      });
      const kernel = await this.#store.get(name);
      if (kernel === undefined)
        throw new BangerError('internal', `The kernel ${name} was published and is not there.`);
      return kernel;
    });
  }
}

function checkAbsolute({ from, initrd, modules }: ImportedFiles): void {
  for (const path of [from, initrd, modules])
    if (path !== undefined && !isAbsolute(path))
      throw new BangerError('invalid_argument', `"${path}" is not an absolute path.`);
}

async function readImported({
  from,
  initrd,
  modules,
}: ImportedFiles): Promise<Pick<Gathered, 'files' | 'initrd'>> {
  return {
    files: await findKernelFiles(from, { modules }),
    ...(initrd === undefined ? {} : { initrd: await readInitrd(initrd) }),
  };
}

function sourceText(place: KernelPlace): string {
  return place.type === 'apt' ? `package ${place.package}` : placeText(place.url);
}
