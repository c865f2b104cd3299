import { BangerError } from '@banger/contract/error';
import type { KernelChoice, KernelView } from '@banger/contract/kernel';
import type { Logger } from 'pino';
import type { ImageStore } from '../drivers/image/driver.ts';
import type {
  ImportedFiles,
  KernelCatalogEntry,
  KernelSource,
  KernelStore,
  StoredKernel,
} from '../drivers/kernel/driver.ts';
import type { VmRepository } from '../store/vm-repository.ts';
import { KernelUsers } from './kernel-users.ts';
import { underLock } from './lock-order.ts';
import { tell } from './operation.ts';
import { inStages } from './stages.ts';

/** What must be known of a kernel to plan a VM with it. */
export interface KernelOutlook {
  readonly present: boolean;
  readonly source: string;
}

/** Kernels: what is here, what can be had, and who uses what. */
export class KernelService {
  readonly #store: KernelStore;
  readonly #source: KernelSource;
  readonly #users: KernelUsers;
  readonly #log: Logger;

  constructor(
    store: KernelStore,
    source: KernelSource,
    users: { readonly vms: Pick<VmRepository, 'list'>; readonly images: Pick<ImageStore, 'list'> },
    log: Logger,
  ) {
    this.#store = store;
    this.#source = source;
    this.#users = new KernelUsers(users);
    this.#log = log;
  }

  /** What is known of a kernel without fetching it; `kernel_not_found` when it can be had nowhere. */
  async look(name: string): Promise<KernelOutlook> {
    const stored = await this.#store.get(name);
    if (stored !== undefined) return { present: true, source: stored.manifest.source };
    const { source } = await this.#entry(name);
    return { present: false, source };
  }

  /** The kernel, fetched first when it is not here; says so. */
  async ensure(name: string, signal: AbortSignal): Promise<StoredKernel> {
    const stored = await this.#store.get(name);
    if (stored !== undefined) return stored;
    await this.#entry(name);
    tell({ stage: `Kernel ${name} is not here yet: fetching it`, level: 'notice' });
    try {
      return await this.#pull(name, false, signal);
    } catch (error) {
      // Somebody else's pull of it ended between our look and our call.
      const other =
        error instanceof BangerError && error.code === 'kernel_exists'
          ? await this.#store.get(name)
          : undefined;
      if (other === undefined) throw error;
      return other;
    }
  }

  /** The kernel as a start needs it: with an initramfs that holds the agent of this build. */
  ready(name: string, signal: AbortSignal): Promise<StoredKernel> {
    return underLock('rebuild lock', `kernel ${name}`, () => this.#store.ready(name, signal));
  }

  async pull(name: string, force: boolean, signal: AbortSignal): Promise<KernelView> {
    return this.#viewOf(await this.#pull(name, force, signal));
  }

  async import(name: string, files: ImportedFiles, force: boolean, signal: AbortSignal): Promise<KernelView> {
    return this.#viewOf(await this.#import(name, files, { force }, signal));
  }

  /**
   * Runs the making of an image with the name of the kernel that it is to boot: the chosen one, else `otherwise`. A kernel that is neither
   * here nor in a catalog is refused with `kernel_not_found` before anything is made. Files are imported under the image's name, as a
   * kernel that goes again when `work` fails; one that the image has of these very files is left as it is, what a killed daemon left of
   * such an import is replaced, any other kernel of that name is `kernel_exists`. Nobody deletes the kernel while `work` is at it.
   */
  async forImage<T>(
    image: string,
    choice: KernelChoice | undefined,
    otherwise: string,
    signal: AbortSignal,
    work: (kernel: string) => Promise<T>,
  ): Promise<T> {
    if (choice === undefined || 'ref' in choice) {
      const kernel = choice?.ref ?? otherwise;
      return this.#users.whileChosen(kernel, image, async () => {
        await this.look(kernel);
        return work(kernel);
      });
    }
    return this.#users.whileChosen(image, image, async () => {
      await this.#importFor(image, choice, signal);
      try {
        return await work(image);
      } catch (error) {
        if (!(await this.#users.hasOthers(image, image))) await this.#store.remove(image);
        throw error;
      }
    });
  }

  /** True when a kernel came with the image of its name, and of what is in these files. Rejects as an import does where they are no kernel. */
  async isOf(image: string, files: ImportedFiles): Promise<boolean> {
    const stored = await this.#store.get(image);
    if (stored?.manifest.image !== image) return false;
    return stored.manifest.importedSha256 === (await this.#source.importedSha256(files));
  }

  async list(available: boolean): Promise<KernelView[]> {
    const { kernels, damaged } = await this.#store.list();
    for (const { name, reason } of damaged)
      tell({ stage: `Kernel ${name} is damaged: ${reason}`, level: 'warning' });
    const here = await Promise.all(kernels.map((kernel) => this.#viewOf(kernel)));
    if (!available) return here;
    const { entries, unreadable } = await this.#source.catalog();
    for (const { message } of unreadable) tell({ stage: message, level: 'warning' });
    const names = new Set(here.map((kernel) => kernel.name));
    const rest = entries.filter((entry) => !names.has(entry.name)).map(catalogView);
    return [...here, ...rest].toSorted((a, b) => a.name.localeCompare(b.name));
  }

  async show(name: string): Promise<KernelView> {
    const stored = await this.#store.get(name);
    return stored === undefined ? catalogView(await this.#entry(name)) : this.#viewOf(stored);
  }

  /** Waits for a pull of it. Refused with `kernel_in_use` while an image or a VM has it. */
  async delete(name: string, signal: AbortSignal): Promise<void> {
    await underLock('pull lock', `kernel ${name}`, () => this.#source.idle(name, signal));
    const { vms, images } = await this.#users.of(name);
    if (vms.length > 0 || images.length > 0) {
      const users = [...vms.map((vm) => `the VM ${vm}`), ...images.map((image) => `the image ${image}`)];
      throw new BangerError('kernel_in_use', `The kernel ${name} is used by ${users.join(', ')}.`, {
        details: { usedBy: vms, usedByImages: images },
      });
    }
    await this.#store.remove(name);
  }

  #pull(name: string, force: boolean, signal: AbortSignal): Promise<StoredKernel> {
    return underLock('pull lock', `kernel ${name}`, () =>
      inStages(this.#log, (onProgress) => this.#source.pull(name, { force }, { signal, onProgress })),
    );
  }

  #import(
    name: string,
    files: ImportedFiles,
    options: { readonly force: boolean; readonly image?: string },
    signal: AbortSignal,
  ): Promise<StoredKernel> {
    return underLock('pull lock', `kernel ${name}`, () =>
      inStages(this.#log, (onProgress) => this.#source.import(name, files, options, { signal, onProgress })),
    );
  }

  async #importFor(image: string, files: ImportedFiles, signal: AbortSignal): Promise<void> {
    const before = await this.#store.get(image);
    const isUsed = await this.#users.hasOthers(image, image);
    if (isUsed && (await this.isOf(image, files))) return;
    const isLeft = before?.manifest.image === image && !isUsed;
    await this.#import(image, files, { force: isLeft, image }, signal);
  }

  async #entry(name: string): Promise<KernelCatalogEntry> {
    const { entries, unreadable } = await this.#source.catalog();
    const entry = entries.find((candidate) => candidate.name === name);
    if (entry !== undefined) return entry;
    // It may be in there.
    if (unreadable[0] !== undefined) throw unreadable[0];
    throw new BangerError('kernel_not_found', `There is no kernel named "${name}", here or in a catalog.`, {
      details: { kernel: name },
    });
  }

  async #viewOf({ manifest }: StoredKernel): Promise<KernelView> {
    const { name, distribution, arch, release, version, sha256, source, bytes, createdAt } = manifest;
    const { vms, images } = await this.#users.of(name);
    return {
      name,
      present: true,
      distribution,
      arch,
      release,
      version,
      sha256,
      source,
      diskUsedBytes: bytes,
      createdAt,
      usedBy: [...vms],
      usedByImages: [...images],
    };
  }
}

function catalogView({ name, distribution, arch, version, source }: KernelCatalogEntry): KernelView {
  return {
    name,
    present: false,
    distribution,
    arch,
    release: '',
    version,
    sha256: '',
    source,
    diskUsedBytes: 0,
    createdAt: '',
    usedBy: [],
    usedByImages: [],
  };
}
