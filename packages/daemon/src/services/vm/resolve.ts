import { findVm, findWholeVm } from '@banger/contract/vm-reference';
import type { VmRow } from '../../domain/vm-row.ts';

const nameOf = ({ spec: { name } }: VmRow): string => name;

/** The VM that a reference means. Throws `vm_not_found` or `name_ambiguous`. */
export function resolveVm(reference: string, rows: readonly VmRow[]): VmRow {
  return findVm(reference, rows, nameOf);
}

/** The same for what loses something for good, which takes a whole name. */
export function resolveWhole(reference: string, rows: readonly VmRow[]): VmRow {
  return findWholeVm(reference, rows, nameOf);
}
