import { constants } from 'node:fs';
import { chmod, open, readdir, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BangerError, isBangerError } from '@banger/contract/error';
import { checkArtifactName, isArtifactName } from '../../domain/artifact-name.ts';
import type { Leftover } from '../../domain/leftover.ts';
import { SingleFlight } from '../../domain/single-flight.ts';
import { readJson, writeFileAtomic } from '../../host/private-files.ts';
import type { Runner } from '../../host/runner.ts';
import { StagedDirectories, type DirectoryListener } from '../../host/staged-directories.ts';
import { diskUsage } from './disk-usage.ts';
import type { DamagedKernel, KernelStore, StoredKernel } from './driver.ts';
import { buildInitramfs, INITRAMFS_LAYOUT, readAgent, readInitrd, type AgentBinary } from './initramfs.ts';
import { kernelManifestSchema, type KernelManifest } from './manifest.ts';
import { ModuleTree } from './module-tree.ts';

/** Names inside a stored kernel's directory. */
export const kernelFiles = {
  manifest: 'manifest.json',
  vmlinux: 'vmlinux',
  initramfs: 'initramfs.img',
  modules: 'modules',
  /** Only where the user gave one. */
  initrd: 'initrd.img',
  modulesDisk: 'modules.ext4',
} as const;

const READ_ONLY = 0o400;

/** Makes a file system of what is in a directory, in a new file. */
export type MakeDisk = (directory: string, file: string, signal: AbortSignal) => Promise<void>;

/** Kernels as directories below one of ours. */
export class KernelDirectory implements KernelStore {
  readonly staged: StagedDirectories;
  readonly #agent: string;
  readonly #runner: Runner;
  readonly #makeDisk: MakeDisk | undefined;
  /** Rebuilds at work: several VMs may start at once after an upgrade, and one start that is given up ends no other. */
  readonly #rebuilds = new SingleFlight<void>();

  /**
   * `root`: absolute path of the store. `agent`: absolute path of the static agent binary. Without `makeDisk` guests have no modules but
   * those that they boot with.
   */
  constructor(options: {
    readonly root: string;
    readonly agent: string;
    readonly runner: Runner;
    readonly makeDisk?: MakeDisk;
    readonly changed?: DirectoryListener;
  }) {
    this.staged = new StagedDirectories(options.root, undefined, options.changed);
    this.#agent = options.agent;
    this.#runner = options.runner;
    this.#makeDisk = options.makeDisk;
  }

  async list(): Promise<{
    readonly kernels: readonly StoredKernel[];
    readonly damaged: readonly DamagedKernel[];
  }> {
    const kernels: StoredKernel[] = [];
    const damaged: DamagedKernel[] = [];
    for (const name of (await this.staged.names()).filter(isArtifactName)) {
      try {
        const kernel = await this.get(name);
        if (kernel !== undefined) kernels.push(kernel);
      } catch (error) {
        if (!isBangerError(error, 'kernel_invalid')) throw error;
        damaged.push({ name, reason: error.message });
      }
    }
    return { kernels, damaged };
  }

  async get(name: string): Promise<StoredKernel | undefined> {
    checkArtifactName('kernel', name);
    return (await this.staged.has(name)) ? this.#at(name, this.staged.path(name)) : undefined;
  }

  async #at(name: string, directory: string): Promise<StoredKernel> {
    const manifest = await this.#manifest(name, directory);
    for (const file of [kernelFiles.vmlinux, kernelFiles.initramfs])
      await stat(join(directory, file)).catch((cause: unknown) => {
        throw damagedKernel(name, `its ${file} is missing`, cause);
      });
    return stored(directory, manifest, (await readdir(directory)).includes(kernelFiles.modules));
  }

  async ready(name: string, signal: AbortSignal): Promise<StoredKernel> {
    const kernel = await this.get(name);
    if (kernel === undefined)
      throw new BangerError('kernel_not_found', `There is no kernel named "${name}".`, {
        details: { kernel: name },
      });
    const agent = await readAgent(this.#agent);
    const modulesDisk = this.#modulesDisk(kernel);
    if (isCurrent(kernel, agent) && (modulesDisk === undefined || (await exists(modulesDisk))))
      return modulesDisk === undefined ? kernel : { ...kernel, modulesDisk };
    // A start shows no progress of it: it takes a moment.
    const caller = { signal, onProgress: () => undefined };
    try {
      await this.#rebuilds.run(name, caller, (shared) =>
        this.#pinned(name, async (pinned) => {
          const rebuilt = isCurrent(pinned, agent) ? pinned : await this.#rebuild(pinned, shared.signal);
          const disk = this.#modulesDisk(rebuilt);
          if (disk !== undefined && !(await exists(disk)))
            await this.#makeModulesDisk(rebuilt, disk, shared.signal);
        }),
      );
    } catch (error) {
      const now = await this.get(name);
      if (now === undefined || isSame(now, kernel)) throw error;
    }
    // As it is now: another one may have been pulled in its place meanwhile, which nothing of this was written to.
    return this.ready(name, signal);
  }

  /** Works on the kernel that has the name at this moment, also when another one takes its place in the middle of the work. */
  async #pinned<T>(name: string, work: (kernel: StoredKernel) => Promise<T>): Promise<T> {
    const directory = await open(this.staged.path(name), constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      return await work(await this.#at(name, `/proc/self/fd/${directory.fd}`));
    } finally {
      await directory.close();
    }
  }

  async remove(name: string): Promise<void> {
    checkArtifactName('kernel', name);
    if (!(await this.staged.remove(name)))
      throw new BangerError('kernel_not_found', `There is no kernel named "${name}".`, {
        details: { kernel: name },
      });
  }

  leftovers(): Promise<readonly Leftover[]> {
    return this.staged.leftovers();
  }

  /** The initramfs is replaced before the manifest says so: a kill in between only costs another rebuild. */
  async #rebuild(kernel: StoredKernel, signal: AbortSignal): Promise<StoredKernel> {
    const agent = await readAgent(this.#agent);
    const { modules } = kernel;
    const initramfs = await this.staged.scratch(async (scratch) => {
      const tools = { runner: this.#runner, scratch, signal };
      const tree = modules === undefined ? undefined : await ModuleTree.open(modules, tools);
      return buildInitramfs(agent, tree, await this.#initrd(kernel));
    });
    await writeFileAtomic(kernel.initramfs, initramfs.image);
    return writeManifest(kernel, {
      ...kernel.manifest,
      modules: [...initramfs.modules],
      initramfs: { agentSha256: agent.sha256, layout: INITRAMFS_LAYOUT },
    });
  }

  /** Where its disk of modules is, or is to be; undefined when there is nothing for one. */
  #modulesDisk({ modules, directory }: StoredKernel): string | undefined {
    const isWanted = this.#makeDisk !== undefined && modules !== undefined;
    return isWanted ? join(directory, kernelFiles.modulesDisk) : undefined;
  }

  /** Made aside, and there when it is whole: a kill in between costs another try. */
  async #makeModulesDisk(kernel: StoredKernel, disk: string, signal: AbortSignal): Promise<void> {
    const { modules = '', directory, manifest } = kernel;
    await this.staged.scratch(async (scratch) => {
      const file = join(scratch, kernelFiles.modulesDisk);
      await this.#makeDisk?.(modules, file, signal);
      await chmod(file, READ_ONLY);
      await rename(file, disk);
    });
    await writeManifest(kernel, { ...manifest, bytes: await diskUsage(directory) });
  }

  async #initrd({ directory }: StoredKernel): Promise<Buffer | undefined> {
    const hasOne = (await readdir(directory)).includes(kernelFiles.initrd);
    return hasOne ? readInitrd(join(directory, kernelFiles.initrd)) : undefined;
  }

  async #manifest(name: string, directory: string): Promise<KernelManifest> {
    try {
      const parse = (value: unknown): KernelManifest => kernelManifestSchema.parse(value);
      const manifest = await readJson(join(directory, kernelFiles.manifest), parse);
      if (manifest === undefined) throw new Error('its manifest is missing');
      if (manifest.name !== name) throw new Error(`its manifest is of ${manifest.name}`);
      return manifest;
    } catch (cause) {
      throw damagedKernel(name, (cause as Error).message, cause);
    }
  }
}

/** Whether both are of one pull. */
function isSame({ manifest: one }: StoredKernel, { manifest: other }: StoredKernel): boolean {
  return one.createdAt === other.createdAt && one.sha256 === other.sha256;
}

/** Its initramfs holds this agent. */
function isCurrent({ manifest: { initramfs } }: StoredKernel, agent: AgentBinary): boolean {
  return initramfs.agentSha256 === agent.sha256 && initramfs.layout === INITRAMFS_LAYOUT;
}

async function writeManifest(kernel: StoredKernel, manifest: KernelManifest): Promise<StoredKernel> {
  const text = `${JSON.stringify(manifest, null, 2)}\n`;
  await writeFileAtomic(join(kernel.directory, kernelFiles.manifest), text);
  return { ...kernel, manifest };
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function stored(directory: string, manifest: KernelManifest, hasModules: boolean): StoredKernel {
  return {
    manifest,
    directory,
    vmlinux: join(directory, kernelFiles.vmlinux),
    initramfs: join(directory, kernelFiles.initramfs),
    ...(hasModules ? { modules: join(directory, kernelFiles.modules) } : {}),
  };
}

function damagedKernel(name: string, why: string, cause: unknown): BangerError {
  return new BangerError(
    'kernel_invalid',
    `The stored kernel "${name}" is damaged: ${why}`.replace(/\.?$/, '.'),
    {
      cause,
      hint: `Delete it with \`banger kernel delete ${name}\`, or fetch it again with \`banger kernel pull --force ${name}\`.`,
      details: { kernel: name },
    },
  );
}
