import type { Readable } from 'node:stream';
import type { DaemonEvent } from '@banger/contract/event';
import { isBangerError } from '@banger/contract/error';
import type { VmRow } from '../domain/vm-row.ts';
import type { VmRepository } from '../store/vm-repository.ts';
import { EventStream } from './event-stream.ts';
import type { EventBus } from './events.ts';
import type { Operations } from './operations.ts';
import { resolveVm } from './vm/resolve.ts';

/** What the snapshot at a stream's beginning is made from. */
export interface EventSources {
  readonly bus: EventBus;
  readonly vms: Pick<VmRepository, 'list'>;
  readonly operations: Pick<Operations, 'list'>;
}

/**
 * What happens from now on, as JSON lines; only what concerns `refs`, where there are any: VMs by name, id or a beginning of either,
 * which need not exist yet. Throws `name_ambiguous`.
 */
export function watchEvents({ bus, vms, operations }: EventSources, refs: readonly string[]): Readable {
  const names = new Set(refs.flatMap((ref) => namesOf(ref, vms.list())));
  const wants = (event: DaemonEvent): boolean => names.size === 0 || vmsOf(event).some((vm) => names.has(vm));
  return new EventStream(bus, {
    wants,
    first: () =>
      bus.timed({
        event: 'snapshot',
        vms: vms
          .list()
          .filter(({ id, spec }) => names.size === 0 || names.has(id) || names.has(spec.name))
          .map(({ id, spec, state }) => ({ id, vm: spec.name, state })),
        operations: operations
          .list(false)
          .filter(({ on }) => names.size === 0 || (on?.kind === 'vm' && names.has(on.name)))
          .map(({ id, method, on }) => ({ operation: id, method, ...(on && { on }) })),
      }),
  });
}

/** Id and name of the VM that is meant; the reference itself, for one that may come. */
function namesOf(ref: string, rows: readonly VmRow[]): string[] {
  try {
    const { id, spec } = resolveVm(ref, rows);
    return [id, spec.name];
  } catch (error) {
    if (!isBangerError(error, 'vm_not_found')) throw error;
    return [ref];
  }
}

/** The VM that an event is about, by id and name. */
function vmsOf(event: DaemonEvent): string[] {
  if ('vm' in event) return [event.id, event.vm];
  return 'on' in event && event.on?.kind === 'vm' ? [event.on.name] : [];
}
