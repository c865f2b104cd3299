import type { BangerError } from '@banger/contract/error';
import type { Leftover } from '../../domain/leftover.ts';
import type { StageContext } from '../../domain/stage-progress.ts';
import type { KernelManifest } from './manifest.ts';

export type { KernelManifest } from './manifest.ts';

/** A kernel on this machine, complete and readable. */
export interface StoredKernel {
  readonly manifest: KernelManifest;
  /** Absolute path of its directory. */
  readonly directory: string;
  /** Absolute path of the uncompressed ELF image, booted by PVH. */
  readonly vmlinux: string;
  /** Absolute path of the initramfs: the agent and the modules that a boot needs. */
  readonly initramfs: string;
  /** Absolute path of what belongs in the guest's `/lib/modules/<release>`; absent for a kernel without modules. */
  readonly modules?: string;
  /** Absolute path of a file system with the same in it, raw ext4, never written; known of a kernel that is ready. */
  readonly modulesDisk?: string;
}

/** A directory in the store that is no usable kernel; only `remove` takes its name. */
export interface DamagedKernel {
  readonly name: string;
  readonly reason: string;
}

/** The kernels of this machine, a directory each. */
export interface KernelStore {
  /** Sorted by name. */
  list(): Promise<{ readonly kernels: readonly StoredKernel[]; readonly damaged: readonly DamagedKernel[] }>;
  /** Undefined when there is none; rejects with `kernel_invalid` when it is damaged, `name_invalid` for no name. */
  get(name: string): Promise<StoredKernel | undefined>;
  /**
   * The kernel, its initramfs rebuilt first when it holds another agent than ours, and the disk of its modules made when there is none
   * yet: to be asked before each start.
   * Rejects with `kernel_not_found` or `kernel_invalid`.
   */
  ready(name: string, signal: AbortSignal): Promise<StoredKernel>;
  /** Removes it, also a damaged one, at once as seen by others. Rejects with `kernel_not_found`. */
  remove(name: string): Promise<void>;
  /** What a killed daemon left half-made, or was replacing, and no call works on. */
  leftovers(): Promise<readonly Leftover[]>;
}

/** A kernel that can be pulled by name. */
export interface KernelCatalogEntry {
  readonly name: string;
  readonly description: string;
  readonly distribution: string;
  readonly arch: string;
  /** Empty where only a pull can tell. */
  readonly version: string;
  /** Where it comes from first: `package linux-image-…`, or an address. */
  readonly source: string;
}

/** What can be pulled, as far as is known. */
export interface KernelCatalog {
  readonly entries: readonly KernelCatalogEntry[];
  /** Why a catalog of the configuration could not be read: `config_invalid`. */
  readonly unreadable: readonly BangerError[];
}

/** Files that make a kernel, by absolute path. */
export interface ImportedFiles {
  /** A bzImage, a vmlinux, or a directory with one of them and its modules. */
  readonly from: string;
  /** An initramfs whose files are to be there besides those of ours. */
  readonly initrd?: string | undefined;
  /** A `lib/modules/<release>` tree; found beside the kernel unless told. */
  readonly modules?: string | undefined;
}

/** How files are imported. */
export interface ImportOptions {
  readonly force: boolean;
  /** Name of the image that they came with, for the manifest, which then tells their `importedSha256` too. */
  readonly image?: string;
}

/** Where kernels come from; what it makes is in the store when a call resolves, and only then. */
export interface KernelSource {
  /** Read anew each time: whoever adds a kernel to a catalog of the configuration sees it at once. */
  catalog(): Promise<KernelCatalog>;
  /**
   * Fetches a kernel of the catalog. Calls for one name at a time do the work once; it stops when the last of them is
   * cancelled. Rejects with `kernel_not_found` (not in the catalog), `config_invalid` (perhaps in one that cannot be read),
   * `kernel_exists` (without `force`), `missing_tool`, `kernel_invalid`, `command_failed`, `download_failed`, `disk_full`,
   * `cancelled`; then nothing has changed.
   */
  pull(name: string, options: { readonly force: boolean }, context: StageContext): Promise<StoredKernel>;
  /** Takes a kernel from files of the user. Rejects as `pull` does, and with `invalid_argument` when a path does not exist. */
  import(
    name: string,
    files: ImportedFiles,
    options: ImportOptions,
    context: StageContext,
  ): Promise<StoredKernel>;
  /** SHA-256 of what would be imported. Rejects with `invalid_argument` and `kernel_invalid` where there is no kernel. */
  importedSha256(files: ImportedFiles): Promise<string>;
  /** Resolves when no pull or import of that name is at work: to be awaited before a removal. */
  idle(name: string, signal: AbortSignal): Promise<void>;
}
