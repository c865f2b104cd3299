import { ElfFile } from './elf.ts';

/** What a module says of itself. */
export interface ModuleInfo {
  /** As the kernel knows it: underscores, no hyphens. */
  readonly name: string;
  /** Names of the modules whose symbols it uses. */
  readonly depends: readonly string[];
  /** Names or aliases of modules that are better loaded before it; it works without them. */
  readonly softBefore: readonly string[];
  /** What else it answers to, as `crc32c`. */
  readonly aliases: readonly string[];
}

/** The kernel takes `-` and `_` in module names for the same. */
export function moduleName(name: string): string {
  return name.replaceAll('-', '_');
}

/**
 * Reads the `.modinfo` section of an uncompressed module: `key=value` strings, each ended by a zero byte
 * (include/linux/moduleparam.h). Throws a plain Error that says why when it is no module.
 */
export function readModuleInfo(bytes: Buffer): ModuleInfo {
  const section = new ElfFile(bytes).section('.modinfo');
  if (section === undefined) throw new Error('it has no .modinfo section');
  const fields = section
    .toString('latin1')
    .split('\0')
    .map((field) => [field.slice(0, field.indexOf('=')), field.slice(field.indexOf('=') + 1)] as const);
  const values = (key: string): string[] => fields.filter(([name]) => name === key).map(([, value]) => value);

  const name = values('name')[0];
  if (name === undefined) throw new Error('it does not tell its name');
  return {
    name: moduleName(name),
    depends: values('depends').flatMap((list) => list.split(',').filter(Boolean).map(moduleName)),
    softBefore: values('softdep').flatMap(softBefore),
    aliases: values('alias'),
  };
}

/** A soft dependency is `pre: a b post: c` (modprobe.d(5)); what is to come after does not matter for a boot. */
function softBefore(softdep: string): string[] {
  const words = softdep.split(/\s+/).filter(Boolean);
  const before: string[] = [];
  let isBefore = false;
  for (const word of words) {
    if (word.endsWith(':')) isBefore = word === 'pre:';
    else if (isBefore) before.push(moduleName(word));
  }
  return before;
}
