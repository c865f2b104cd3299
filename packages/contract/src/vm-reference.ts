import { BangerError } from './error.ts';

/** How the name of a thing in a list is read. */
type NameOf<T> = (vm: T) => string;

/**
 * Finds the VM that a reference means: the exact name or id, else the only one whose name or id begins with it. Throws `vm_not_found`, or
 * `name_ambiguous` with what it matches.
 */
export function findVm<T extends { readonly id: string }>(
  reference: string,
  vms: readonly T[],
  nameOf: NameOf<T>,
): T {
  const exact = vms.find((vm) => nameOf(vm) === reference) ?? vms.find(({ id }) => id === reference);
  if (exact !== undefined) return exact;
  // Nothing is the beginning of everything.
  const begins = (text: string): boolean => reference !== '' && text.startsWith(reference);
  const matches = vms.filter((vm) => begins(nameOf(vm)) || begins(vm.id));
  const [only] = matches;
  if (only === undefined) throw noVm(reference);
  if (matches.length === 1) return only;
  const names = matches.map(nameOf);
  throw new BangerError(
    'name_ambiguous',
    `"${reference}" is the beginning of several VMs: ${names.join(', ')}.`,
    { details: { matches: names } },
  );
}

/**
 * The same for what loses something for good: the beginning of a name is not enough, as it may have been the whole name of a VM that
 * is gone already; that of an id is.
 */
export function findWholeVm<T extends { readonly id: string }>(
  reference: string,
  vms: readonly T[],
  nameOf: NameOf<T>,
): T {
  const found = findVm(reference, vms, nameOf);
  const name = nameOf(found);
  if (name === reference || found.id.startsWith(reference)) return found;
  throw noVm(reference, `What loses data for good takes a whole name. The only one that begins so: ${name}`);
}

function noVm(reference: string, hint?: string): BangerError {
  return new BangerError('vm_not_found', `There is no VM named "${reference}".`, {
    ...(hint === undefined ? {} : { hint }),
    details: { vm: reference },
  });
}
