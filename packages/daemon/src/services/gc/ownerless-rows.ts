import type { VmDeps } from '../vm/deps.ts';
import type { Lookers } from '../vm/lookers.ts';
import type { VmResources } from '../vm/resources.ts';
import type { OrphanFinder } from './finder.ts';
import { removeUnderLock } from './under-lock.ts';

/** Entries of the ledger whose VM is gone: what each tells of is removed with it, if it is there. */
export function ownerlessEntries(
  { ledger, vms, locks }: Pick<VmDeps, 'ledger' | 'vms' | 'locks'>,
  lookers: Lookers<VmResources>,
): OrphanFinder {
  const words = <Kind extends keyof VmResources>(kind: Kind, resource: VmResources[Kind]): string =>
    lookers[kind].words(resource);
  const isOrphan = (vm: string): boolean => vms.find(vm) === undefined;
  return {
    title: 'entries of the ledger',
    find: async () =>
      ledger
        .entries()
        .filter(({ vmId }) => !locks.isBusy(vmId) && isOrphan(vmId))
        .map((entry) => ({
          kind: 'ledger',
          what: `ledger entry: ${words(entry.kind, entry.resource)}`,
          vm: entry.vmId,
          since: entry.madeAt,
          action: `${lookers[entry.kind].action}, strike the entry out`,
          remove: () =>
            removeUnderLock(
              locks,
              entry.vmId,
              () => isOrphan(entry.vmId),
              () => ledger.removeEntry(entry),
            ),
        })),
  };
}

/** What is kept of a run whose VM is gone, or does not run. */
export function ownerlessRuns({
  runtimes,
  vms,
  locks,
}: Pick<VmDeps, 'runtimes' | 'vms' | 'locks'>): OrphanFinder {
  const isOrphan = (vm: string): boolean => (vms.find(vm)?.state ?? 'stopped') === 'stopped';
  return {
    title: 'records of runs',
    find: async () =>
      runtimes
        .owners()
        .filter((vm) => !locks.isBusy(vm) && isOrphan(vm))
        .map((vm) => ({
          kind: 'run',
          what: `record of a run of ${vm}`,
          vm,
          since: runtimes.find(vm)?.startedAt ?? 0,
          action: 'strike it out',
          remove: () =>
            removeUnderLock(
              locks,
              vm,
              () => isOrphan(vm),
              async () => runtimes.clear(vm),
            ),
        })),
  };
}
