import type { VmDeps } from '../vm/deps.ts';
import type { Found, Lookers } from '../vm/lookers.ts';
import type { VmResources } from '../vm/resources.ts';
import { mayBeWanted } from './wanted.ts';
import type { FoundOrphan, OrphanFinder } from './finder.ts';
import { removeUnderLock } from './under-lock.ts';

type Deps = Pick<VmDeps, 'ledger' | 'vms' | 'locks' | 'layout'>;

/** A finder for each kind of resource: what is on the host and not in the ledger, which has everything that a VM owns. */
export function unwrittenResources(deps: Deps, lookers: Lookers<VmResources>): readonly OrphanFinder[] {
  const kinds = Object.keys(lookers) as (keyof VmResources)[];
  return kinds.map((kind) => unwritten(deps, kind, lookers));
}

function unwritten<Kind extends keyof VmResources>(
  deps: Deps,
  kind: Kind,
  lookers: Lookers<VmResources>,
): OrphanFinder {
  const { look, key, words, action } = lookers[kind];
  /** What a VM's VMM works with is not taken from under it. */
  const strays = async (): Promise<ReadonlySet<string>> => {
    const known = new Set(
      deps.ledger
        .entries()
        .flatMap((entry) => (entry.kind === 'vmm' ? [lookers.vmm.key(entry.resource)] : [])),
    );
    const vmms = await lookers.vmm.look();
    return new Set(vmms.filter(({ resource }) => !known.has(lookers.vmm.key(resource))).map(({ vm }) => vm));
  };
  const written = (vm?: string): ReadonlySet<string> =>
    new Set(
      deps.ledger
        .entries(vm)
        .filter((entry) => entry.kind === kind)
        .map(({ resource }) => key(resource as VmResources[Kind])),
    );
  /** A VM's disks are its own as long as there is a VM of that id; the rest only as long as the ledger says so. */
  const isOrphan = ({ vm, resource }: Found<VmResources[Kind]>): boolean =>
    !written(vm).has(key(resource)) && !(kind === 'directory' && deps.vms.find(vm) !== undefined);

  return {
    title: `resources of the kind ${kind}`,
    find: async () => {
      // Before and after the look: what is removed meanwhile was no orphan, and neither was what was made.
      const before = written();
      const found = (await look()).filter(({ resource }) => !before.has(key(resource)));
      const orphans = found.filter((one) => !deps.locks.isBusy(one.vm) && isOrphan(one));
      return Promise.all(
        orphans.map(async (one): Promise<FoundOrphan> => {
          const { resource, vm, since, what = words(resource) } = one;
          return {
            ...{ kind, what, vm, since, action },
            wanted: await mayBeWanted(deps, vm, strays),
            remove: () =>
              removeUnderLock(
                deps.locks,
                vm,
                () => isOrphan(one),
                () => deps.ledger.removeUnwritten(kind, resource),
              ),
          };
        }),
      );
    },
  };
}
