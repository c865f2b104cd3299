import type { Subject } from '@banger/contract/operation';
import type { VmRow } from '../domain/vm-row.ts';
import { resolveVm } from './vm/resolve.ts';

/** What a call works on, told from its params as they came: the contract calls the same thing by the same name in each method. */
export function subjectOf(params: unknown, vms: () => readonly VmRow[]): Subject | undefined {
  const vm = text(params, 'vm');
  if (vm !== undefined) return { kind: 'vm', name: nameOf(vm, vms()) };
  const made = text(member(params, 'spec'), 'name');
  if (made !== undefined) return { kind: 'vm', name: made };
  for (const kind of ['image', 'kernel'] as const) {
    const name = text(params, kind);
    if (name !== undefined) return { kind, name };
  }
  return undefined;
}

/** The VM's name; what was asked for, where that is not one VM: the call itself says why. */
function nameOf(ref: string, rows: readonly VmRow[]): string {
  try {
    return resolveVm(ref, rows).spec.name;
  } catch {
    return ref;
  }
}

function text(value: unknown, key: string): string | undefined {
  const found = member(value, key);
  return typeof found === 'string' ? found : undefined;
}

function member(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}
