import { rm } from 'node:fs/promises';
import { BangerError } from '@banger/contract/error';
import type { NetworkDriver, NetworkHandle } from '../../drivers/network/driver.ts';
import type { VmmDriver, VmmHandle } from '../../drivers/vmm/driver.ts';
import type { StatePlace } from '../../store/state-place.ts';
import type { Ledger, Remover, Removers } from '../ledger.ts';

/** The kinds of host resources that a VM owns, and what their removers need. */
export interface VmResources {
  /** Its disks and logs: gone only with the VM. */
  directory: { readonly path: string };
  /** Its sockets: gone with each stop. */
  runtime: { readonly path: string };
  /** The handle is known once it runs; before that only the token in its argv tells it. */
  vmm: { readonly token: string; readonly handle?: VmmHandle };
  /** The handle is known once it runs; before that only the directory tells it, which stands in its argv. */
  network: { readonly kind: 'user' | 'none'; readonly directory: string; readonly handle?: NetworkHandle };
}

export type VmLedger = Ledger<VmResources>;

/** The kinds that exist only while a VM runs, which every stop removes. */
export const runtimeKinds = ['vmm', 'network', 'runtime'] as const satisfies readonly (keyof VmResources)[];

/**
 * How each kind is removed. Directories are ours alone (0700), so that nobody can plant a link in them. `place` is asked before each: once
 * the state is another one's, so is what has the names that this one knows.
 */
export function vmRemovers(
  vmm: Pick<VmmDriver, 'remove'>,
  networks: { readonly [Kind in 'user' | 'none']: Pick<NetworkDriver, 'remove' | 'sweep'> },
  place: Pick<StatePlace, 'check'>,
): Removers<VmResources> {
  const ifOurs =
    <R>(remove: Remover<R>): Remover<R> =>
    async (resource) => {
      place.check();
      await remove(resource);
    };
  const removeDirectory = ifOurs(({ path }: { readonly path: string }) =>
    rm(path, { recursive: true, force: true }),
  );
  return {
    directory: removeDirectory,
    runtime: removeDirectory,
    vmm: ifOurs(({ token, handle }) => vmm.remove(token, handle)),
    network: ifOurs(({ kind, directory, handle }) =>
      handle === undefined ? networks[kind].sweep(directory) : networks[kind].remove(handle),
    ),
  };
}

/** Removes what a VM has (of these kinds, or all); rejects with `command_failed` and all that could not be removed. */
export async function removeResources(
  ledger: VmLedger,
  id: string,
  kinds?: readonly (keyof VmResources)[],
): Promise<void> {
  const errors = await ledger.remove(id, kinds);
  if (errors.length > 0)
    throw new BangerError('command_failed', errors.map((error) => error.message).join('; '), {
      cause: errors,
    });
}
