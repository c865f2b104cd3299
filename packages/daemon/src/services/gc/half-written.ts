import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { VmDeps } from '../vm/deps.ts';
import type { FoundOrphan, OrphanFinder } from './finder.ts';
import { removeUnderLock } from './under-lock.ts';

/** The name of a file while it is written, before it is renamed (host/private-files.ts): `.NAME.<random>.tmp`. */
const TEMPORARY = /^\..+\.[0-9a-f]{12}\.tmp$/;

type Deps = Pick<VmDeps, 'layout' | 'vms' | 'locks'>;

/** Files that a kill kept from being written to the end, in every directory where files are replaced whole. */
export function halfWrittenFiles(deps: Deps): OrphanFinder {
  const { layout, vms } = deps;
  return {
    title: 'half-written files',
    find: async () => {
      const ofVms = vms.list().map(({ id }) => filesIn(deps, layout.vm(id).directory, id));
      const stores = [...(await directoriesIn(layout.images)), ...(await directoriesIn(layout.kernels))];
      const others = [layout.paths.state, layout.paths.cache, ...stores].map((path) => filesIn(deps, path));
      return (await Promise.all([...ofVms, ...others])).flat();
    },
  };
}

async function filesIn({ locks }: Deps, directory: string, vm?: string): Promise<FoundOrphan[]> {
  // A disk of a VM may take minutes to be written, and is under the VM's lock then.
  if (vm !== undefined && locks.isBusy(vm)) return [];
  const found: FoundOrphan[] = [];
  for (const { name } of await entriesOf(directory)) {
    const path = join(directory, name);
    const stats = TEMPORARY.test(name) ? await orMissing(lstat(path)) : undefined;
    if (stats?.isFile() !== true) continue;
    const remove = (): Promise<void> => rm(path, { force: true });
    found.push({
      ...{ kind: 'file', what: `half-written file ${path}`, since: stats.mtimeMs, action: 'delete it' },
      ...(vm === undefined
        ? { remove: () => remove().then(() => true) }
        : { vm, remove: () => removeUnderLock(locks, vm, () => true, remove) }),
    });
  }
  return found;
}

/** Hidden ones are being made or removed, and are looked after where that is done. */
async function directoriesIn(parent: string): Promise<string[]> {
  return (await entriesOf(parent))
    .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
    .map(({ name }) => join(parent, name));
}

async function entriesOf(directory: string) {
  return (await orMissing(readdir(directory, { withFileTypes: true }))) ?? [];
}

async function orMissing<T>(look: Promise<T>): Promise<T | undefined> {
  return look.catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}
