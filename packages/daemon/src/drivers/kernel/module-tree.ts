import { lstat, readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { BangerError } from '@banger/contract/error';
import type { Runner } from '../../host/runner.ts';
import type { ModuleSource } from './module-closure.ts';
import { moduleName, readModuleInfo, type ModuleInfo } from './modinfo.ts';
import { expand } from './payload.ts';

/** The largest module of a distribution kernel (amdgpu with debug data left in) is below 32 MiB. */
const MAX_MODULE_BYTES = 64 * 1024 * 1024;
const MODULE_FILE = /^(.+)\.ko(?:\.(?:gz|xz|zst))?$/;
/**
 * Where modules live that others ask for by alias before the root file system is there: checksums and ciphers. To read
 * every module for its aliases would take seconds where they are compressed.
 */
const ALIASED_FOLDERS = /^(?:crypto|lib|arch\/[^/]+\/(?:crypto|lib))\//;

/** The modules of one kernel: a `lib/modules/<release>` tree, its files as they come from the package. */
export class ModuleTree implements ModuleSource {
  readonly #root: string;
  readonly #files: ReadonlyMap<string, string>;
  readonly #builtin: ReadonlySet<string>;
  readonly #tools: { readonly runner: Runner; readonly scratch: string; readonly signal: AbortSignal };
  readonly #infos = new Map<string, Promise<ModuleInfo>>();
  #aliases: Promise<ReadonlyMap<string, readonly string[]>> | undefined;

  private constructor(
    root: string,
    files: ReadonlyMap<string, string>,
    builtin: ReadonlySet<string>,
    tools: { readonly runner: Runner; readonly scratch: string; readonly signal: AbortSignal },
  ) {
    this.#root = root;
    this.#files = files;
    this.#builtin = builtin;
    this.#tools = tools;
  }

  /** Reads the names in the tree; `scratch` is a private directory for xz. Links are passed over. */
  static async open(
    root: string,
    tools: { readonly runner: Runner; readonly scratch: string; readonly signal: AbortSignal },
  ): Promise<ModuleTree> {
    const files = new Map<string, string>();
    const entries = await readdir(join(root, 'kernel'), { recursive: true, withFileTypes: true }).catch(
      (cause: NodeJS.ErrnoException) => {
        // A kernel that has everything built in has only the lists that say so.
        if (cause.code === 'ENOENT') return [];
        throw new BangerError('kernel_invalid', `The modules in ${root} cannot be read.`, { cause });
      },
    );
    for (const entry of entries) {
      const name = entry.isFile() ? MODULE_FILE.exec(entry.name)?.[1] : undefined;
      if (name !== undefined) files.set(moduleName(name), join(entry.parentPath, entry.name));
    }
    const list = await readFile(join(root, 'modules.builtin'), 'utf8').catch((error: unknown) => {
      // A tree without the list has nothing built in that could be relied on.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
      throw error;
    });
    const builtin = list.split('\n').flatMap((line) => MODULE_FILE.exec(basename(line))?.[1] ?? []);
    return new ModuleTree(root, files, new Set(builtin.map(moduleName)), tools);
  }

  isBuiltin(name: string): boolean {
    return this.#builtin.has(name);
  }

  async info(name: string): Promise<ModuleInfo | undefined> {
    if (!this.#files.has(name)) return undefined;
    let info = this.#infos.get(name);
    if (info === undefined) {
      info = this.bytes(name).then((bytes) => this.#checked(name, () => readModuleInfo(bytes)));
      this.#infos.set(name, info);
    }
    return info;
  }

  async aliased(alias: string): Promise<readonly string[]> {
    this.#aliases ??= this.#readAliases();
    return (await this.#aliases).get(moduleName(alias)) ?? [];
  }

  /** The name of its file without compression, as `virtio-rng.ko`. */
  fileName(name: string): string {
    return basename(this.#path(name)).replace(/\.ko\.\w+$/, '.ko');
  }

  /** The uncompressed module. */
  async bytes(name: string): Promise<Buffer> {
    const path = this.#path(name);
    const { size } = await lstat(path);
    if (size > MAX_MODULE_BYTES) throw this.#invalid(name, `it has ${size} bytes`);
    const packed = await readFile(path);
    try {
      return await expand(packed, { ...this.#tools, maxBytes: MAX_MODULE_BYTES });
    } catch (error) {
      throw error instanceof BangerError ? error : this.#invalid(name, (error as Error).message);
    }
  }

  async #readAliases(): Promise<ReadonlyMap<string, readonly string[]>> {
    const aliases = new Map<string, string[]>();
    const base = join(this.#root, 'kernel/').length;
    for (const [name, path] of this.#files) {
      if (!ALIASED_FOLDERS.test(path.slice(base))) continue;
      for (const alias of (await this.info(name))?.aliases ?? []) {
        const key = moduleName(alias);
        aliases.set(key, [...(aliases.get(key) ?? []), name]);
      }
    }
    return aliases;
  }

  #path(name: string): string {
    const path = this.#files.get(name);
    if (path === undefined) throw new BangerError('internal', `No module ${name} in ${this.#root}.`);
    return path;
  }

  #checked<T>(name: string, read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw this.#invalid(name, (error as Error).message);
    }
  }

  #invalid(name: string, why: string): BangerError {
    return new BangerError('kernel_invalid', `The module ${name} cannot be used: ${why}.`, {
      hint: 'Pull or import the kernel again.',
      details: { module: this.#path(name) },
    });
  }
}
