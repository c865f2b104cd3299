import { BangerError } from '@banger/contract/error';
import type { KernelView } from '@banger/contract/kernel';
import type { Logger } from 'pino';
import type {
  KernelCatalogEntry,
  KernelSource,
  KernelStore,
  StoredKernel,
} from '../drivers/kernel/driver.ts';
import type { VmRepository } from '../store/vm-repository.ts';
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
  readonly #vms: Pick<VmRepository, 'list'>;
  readonly #log: Logger;

  constructor(store: KernelStore, source: KernelSource, vms: Pick<VmRepository, 'list'>, log: Logger) {
    this.#store = store;
    this.#source = source;
    this.#vms = vms;
    this.#log = log;
  }

  /** What is known of a kernel without fetching it; `kernel_not_found` when it can be had nowhere. */
  async look(name: string): Promise<KernelOutlook> {
    const stored = await this.#store.get(name);
    if (stored !== undefined) return { present: true, source: stored.manifest.source };
    this.#entry(name);
    return { present: false, source: 'package' };
  }

  /** The kernel, fetched first when it is not here; says so. */
  async ensure(name: string, signal: AbortSignal): Promise<StoredKernel> {
    const stored = await this.#store.get(name);
    if (stored !== undefined) return stored;
    this.#entry(name);
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
    this.#entry(name);
    return this.#viewOf(await this.#pull(name, force, signal));
  }

  async import(name: string, from: string, force: boolean, signal: AbortSignal): Promise<KernelView> {
    const kernel = await underLock('pull lock', `kernel ${name}`, () =>
      inStages(this.#log, (onProgress) => this.#source.import(name, from, { force }, { signal, onProgress })),
    );
    return this.#viewOf(kernel);
  }

  async list(available: boolean): Promise<KernelView[]> {
    const { kernels, damaged } = await this.#store.list();
    for (const { name, reason } of damaged)
      tell({ stage: `Kernel ${name} is damaged: ${reason}`, level: 'warning' });
    const here = kernels.map((kernel) => this.#viewOf(kernel));
    if (!available) return here;
    const names = new Set(here.map((kernel) => kernel.name));
    const rest = this.#source.catalog.filter((entry) => !names.has(entry.name)).map(catalogView);
    return [...here, ...rest].toSorted((a, b) => a.name.localeCompare(b.name));
  }

  async show(name: string): Promise<KernelView> {
    const stored = await this.#store.get(name);
    return stored === undefined ? catalogView(this.#entry(name)) : this.#viewOf(stored);
  }

  /** Refused with `kernel_in_use` while a VM has it. */
  async delete(name: string, signal: AbortSignal): Promise<void> {
    await underLock('pull lock', `kernel ${name}`, () => this.#source.idle(name, signal));
    const users = this.#usersOf(name);
    if (users.length > 0) {
      throw new BangerError('kernel_in_use', `The kernel ${name} is used by ${users.join(', ')}.`, {
        details: { usedBy: users },
      });
    }
    await this.#store.remove(name);
  }

  #pull(name: string, force: boolean, signal: AbortSignal): Promise<StoredKernel> {
    return underLock('pull lock', `kernel ${name}`, () =>
      inStages(this.#log, (onProgress) => this.#source.pull(name, { force }, { signal, onProgress })),
    );
  }

  #entry(name: string): KernelCatalogEntry {
    const entry = this.#source.catalog.find((candidate) => candidate.name === name);
    if (entry !== undefined) return entry;
    throw new BangerError('kernel_not_found', `There is no kernel named "${name}", here or in the catalog.`, {
      details: { kernel: name },
    });
  }

  #usersOf(name: string): string[] {
    return this.#vms
      .list()
      .filter((vm) => vm.spec.kernel === name)
      .map((vm) => vm.spec.name);
  }

  #viewOf({ manifest }: StoredKernel): KernelView {
    const { name, distribution, arch, release, version, sha256, source, bytes, createdAt } = manifest;
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
      usedBy: this.#usersOf(name),
    };
  }
}

function catalogView({ name, distribution, arch }: KernelCatalogEntry): KernelView {
  return {
    name,
    present: false,
    distribution,
    arch,
    release: '',
    version: '',
    sha256: '',
    source: 'package',
    diskUsedBytes: 0,
    createdAt: '',
    usedBy: [],
  };
}
