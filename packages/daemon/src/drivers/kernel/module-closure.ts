import type { ModuleInfo } from './modinfo.ts';
import type { WantedModule } from './wanted-modules.ts';

/** Where modules are looked up. */
export interface ModuleSource {
  /** True for what is part of the kernel image itself. */
  isBuiltin(name: string): boolean;
  /** What the module of that name says of itself; undefined when there is none. */
  info(name: string): Promise<ModuleInfo | undefined>;
  /** Names of the modules that answer to an alias. */
  aliased(alias: string): Promise<readonly string[]>;
}

/** A required module, or one that such a module cannot do without, that is neither there nor built in. */
export interface MissingModule {
  readonly name: string;
  /** The wanted module that led to it. */
  readonly wantedBy: string;
}

/**
 * The modules to load for those that are wanted, each after what it depends on (modprobe's order: soft dependencies,
 * dependencies, the module). What is built in needs nothing. A module that is not required, and what only it needs, is
 * left out when something of it is missing; so are soft dependencies.
 */
export async function closeModules(
  wanted: readonly WantedModule[],
  source: ModuleSource,
): Promise<{ readonly order: readonly string[]; readonly missing: readonly MissingModule[] }> {
  const loaded = new Set<string>();
  const missing: MissingModule[] = [];
  for (const { name, required } of wanted) {
    const absent = await add(name, source, loaded, new Set());
    if (absent !== undefined && required) missing.push({ name: absent, wantedBy: name });
  }
  return { order: [...loaded], missing };
}

/** Adds a module and what it needs; answers the name of what is missing, having then added nothing. */
async function add(
  name: string,
  source: ModuleSource,
  loaded: Set<string>,
  above: ReadonlySet<string>,
): Promise<string | undefined> {
  if (loaded.has(name) || above.has(name) || source.isBuiltin(name)) return undefined;
  const info = await source.info(name);
  if (info === undefined) return name;
  const below = new Set(above).add(name);
  const trial = new Set(loaded);
  for (const soft of info.softBefore) {
    const candidates = (await source.info(soft)) === undefined ? await source.aliased(soft) : [soft];
    for (const candidate of candidates) await add(candidate, source, trial, below);
  }
  for (const dependency of info.depends) {
    const absent = await add(dependency, source, trial, below);
    if (absent !== undefined) return absent;
  }
  trial.add(name);
  for (const each of trial) loaded.add(each);
  return undefined;
}
