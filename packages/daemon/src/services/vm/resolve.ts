import { BangerError } from '@banger/contract/error';
import type { VmRow } from '../../domain/vm-row.ts';

/**
 * Finds the VM that a reference means: the exact name or id, else the one whose name or id begins with it.
 * `vm_not_found` when there is none, `name_ambiguous` (naming the candidates) when there are several.
 */
export function resolveVm(reference: string, rows: readonly VmRow[]): VmRow {
  const exact = rows.find((row) => row.spec.name === reference) ?? rows.find((row) => row.id === reference);
  if (exact !== undefined) return exact;
  const matches = rows.filter((row) => row.spec.name.startsWith(reference) || row.id.startsWith(reference));
  const [only, ...more] = matches;
  if (only === undefined) {
    throw new BangerError('vm_not_found', `There is no VM named "${reference}".`, {
      details: { vm: reference },
    });
  }
  if (more.length > 0) {
    const names = matches.map((row) => row.spec.name);
    throw new BangerError('name_ambiguous', `"${reference}" matches ${names.join(', ')}.`, {
      details: { matches: names },
    });
  }
  return only;
}

/**
 * The same for what loses something for good: the beginning of a name is not enough, as it may have been the whole name of a VM that
 * is gone already; that of an id is.
 */
export function resolveWhole(reference: string, rows: readonly VmRow[]): VmRow {
  const found = resolveVm(reference, rows);
  const { name } = found.spec;
  if (name === reference || found.id.startsWith(reference)) return found;
  throw new BangerError('vm_not_found', `There is no VM named "${reference}".`, {
    hint: `What loses data for good takes a whole name. The only one that begins so: ${name}`,
    details: { vm: reference },
  });
}
