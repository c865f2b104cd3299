import type * as Files from 'node:fs/promises';
import { constants } from 'node:fs';
import { join } from 'node:path';
import { currentLife, type DaemonLife } from './daemon-life.suite.ts';

type FilesModule = typeof Files;
type Call = (...args: unknown[]) => Promise<unknown>;

/** What only looks. Everything else of the module is an effect, also what Node adds one day. */
const LOOKS = new Set([
  'access',
  'constants',
  'default',
  'glob',
  'lstat',
  'opendir',
  'readFile',
  'readdir',
  'readlink',
  'realpath',
  'stat',
  'statfs',
  'watch',
]);
/** The same of an open file. To sync it changes nothing that a kill could show. */
const FILE_LOOKS = new Set([
  'read',
  'readv',
  'readFile',
  'readLines',
  'stat',
  'close',
  'sync',
  'datasync',
  'createReadStream',
  'on',
  'once',
  'emit',
]);

/**
 * `node:fs/promises` for a file of tests: what a daemon that may be killed does through it is an effect of its life, whichever module
 * it is that does it. To be given to `vi.mock`. A tree is removed entry by entry, so that it may be left half-removed.
 */
export function mortalFiles(actual: FilesModule): FilesModule {
  const wrapped: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(actual))
    wrapped[name] = typeof value === 'function' && !LOOKS.has(name) ? effect(name, value as Call) : value;
  wrapped['rm'] = removal(actual);
  wrapped['open'] = opening(actual);
  return { ...wrapped, default: wrapped } as unknown as FilesModule;
}

function effect(name: string, call: Call): Call {
  return (...args) => {
    const life = currentLife();
    return life === undefined
      ? call(...args)
      : life.effect(`${name} ${String(args[0])}`, () => call(...args));
  };
}

function removal({ rm, readdir }: FilesModule): Call {
  return async (path, options) => {
    const life = currentLife();
    const remove = (at: string): Promise<void> => rm(at, options as Parameters<typeof rm>[1]);
    if (life === undefined) return remove(String(path));
    const isTree = (options as { readonly recursive?: boolean } | undefined)?.recursive === true;
    const inside = isTree ? await readdir(String(path)).catch(() => []) : [];
    for (const each of [...inside.map((entry) => join(String(path), entry)), String(path)])
      await life.effect(`rm ${each}`, () => remove(each));
  };
}

function opening({ open }: FilesModule): Call {
  return async (path, flags = 'r', mode) => {
    const life = currentLife();
    const act = async (): Promise<Files.FileHandle> => {
      const file = await open(String(path), flags as string, mode as number | undefined);
      if (life?.isDead === true) await file.close();
      return file;
    };
    if (life === undefined) return act();
    const makes = typeof flags === 'number' ? (flags & constants.O_CREAT) !== 0 : /[wa]/.test(String(flags));
    const opened = await (makes ? life.effect(`open ${String(path)}`, act) : life.look(act));
    return mortalFile(life, String(path), opened);
  };
}

function mortalFile(life: DaemonLife, path: string, file: Files.FileHandle): Files.FileHandle {
  const closed = life.holds(() => void file.close().catch(() => undefined));
  return new Proxy(file, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        const act = (): Promise<unknown> => (value as Call).apply(target, args);
        if (key === 'close') closed();
        return FILE_LOOKS.has(String(key)) ? act() : life.effect(`${String(key)} ${path}`, act);
      };
    },
  });
}
