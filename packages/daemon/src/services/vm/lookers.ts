import { lstat, readdir, readlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Layout } from '../../domain/layout.ts';
import type { NetworkDriver } from '../../drivers/network/driver.ts';
import type { VmmDriver } from '../../drivers/vmm/driver.ts';
import type { VmResources } from './resources.ts';

/** A resource of a VM that was found on the host. */
export interface Found<R> {
  readonly resource: R;
  /** Id of the VM that it was made for. */
  readonly vm: string;
  /** Milliseconds since 1970; when it was made or last written to. */
  readonly since: number;
  /** What it is, where more is known than `words` tells. */
  readonly what?: string;
}

/** How resources of one kind are found without the ledger. */
export interface Looker<R> {
  /** All of this kind that this daemon's state has on the host, in the ledger or not; nothing of another state's. */
  look(): Promise<readonly Found<R>[]>;
  /** Equal for one thing, whether it was found or written down. */
  key(resource: R): string;
  /** What it is, for a person. */
  words(resource: R): string;
  /** What removing it is, for a person. */
  readonly action: string;
}

/** One for each kind of resource: a new kind is a new row here and in `vmRemovers`. */
export type Lookers<K> = { readonly [Kind in keyof K]: Looker<K[Kind]> };

/** As `create` makes them. What has another name is not taken for ours. */
const VM_ID = /^[0-9a-f]{12}$/;

/** How the resources of VMs are found, in the order in which they are to be removed: a VMM before what it uses. */
export function vmLookers(
  layout: Pick<Layout, 'vms' | 'runtimes' | 'database' | 'vm'>,
  vmm: Pick<VmmDriver, 'find'>,
  networks: { readonly [Kind in 'user' | 'none']: Pick<NetworkDriver, 'find'> },
): Lookers<VmResources> {
  const isOurs = async (id: string): Promise<boolean> =>
    (await linkAt(layout.vm(id).runtimeOwner)) === layout.database;
  return {
    vmm: {
      look: async () =>
        (await vmm.find(layout.vms))
          .filter(({ id }) => VM_ID.test(id))
          .map(({ id, token, process, startedAt }) => ({
            resource: { token },
            vm: id,
            since: startedAt,
            what: `VMM process ${process.pid}`,
          })),
      key: ({ token }) => token,
      words: ({ token, handle }) =>
        handle === undefined ? `VMM with token ${token}` : `VMM process ${handle.process.pid}`,
      action: 'end it',
    },
    network: {
      look: async () => {
        const found = await networks.user.find(layout.runtimes);
        return keep(
          found.map(({ dir, startedAt }) => ({
            resource: { kind: 'user' as const, directory: dir },
            vm: basename(dir),
            since: startedAt,
          })),
          async ({ vm }) => VM_ID.test(vm) && isOurs(vm),
        );
      },
      key: ({ directory }) => directory,
      words: ({ directory }) => `network of ${directory}`,
      action: 'end it',
    },
    runtime: {
      look: async () => keep(await directories(layout.runtimes), ({ vm }) => isOurs(vm)),
      key: ({ path }) => path,
      words: ({ path }) => `sockets in ${path}`,
      action: 'delete them',
    },
    directory: {
      look: () => directories(layout.vms),
      key: ({ path }) => path,
      words: ({ path }) => `disks and logs in ${path}`,
      action: 'delete them',
    },
  };
}

/** The directories of VMs in a directory. */
async function directories(parent: string): Promise<Found<{ readonly path: string }>[]> {
  const found: Found<{ readonly path: string }>[] = [];
  for (const name of await namesIn(parent)) {
    const path = join(parent, name);
    const stats = await unlessMissing(lstat(path));
    if (VM_ID.test(name) && stats?.isDirectory() === true)
      found.push({ resource: { path }, vm: name, since: stats.mtimeMs });
  }
  return found;
}

async function namesIn(directory: string): Promise<readonly string[]> {
  return (await unlessMissing(readdir(directory))) ?? [];
}

/** Where a link points; undefined when there is none, or something else in its place. */
async function linkAt(path: string): Promise<string | undefined> {
  return unlessMissing(readlink(path), 'EINVAL');
}

async function unlessMissing<T>(look: Promise<T>, alike = 'ENOENT'): Promise<T | undefined> {
  return look.catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === alike) return undefined;
    throw error;
  });
}

async function keep<T>(list: readonly T[], wanted: (one: T) => Promise<boolean>): Promise<T[]> {
  const answers = await Promise.all(list.map(wanted));
  return list.filter((_, index) => answers[index]);
}
