import type { DirectoryChange } from '../host/staged-directories.ts';
import type { VmListener } from '../store/vm-repository.ts';
import type { EventBus } from './events.ts';

/** Tells the bus of the rows of VMs. */
export function vmEvents(bus: EventBus): VmListener {
  return {
    inserted: ({ id, spec, state }) => bus.tell({ event: 'vm.made', id, vm: spec.name, state }),
    moved: (from, { id, spec, state, phase, reason }) =>
      bus.tell({ event: 'vm.state', id, vm: spec.name, from, to: state, phase, reason }),
    changed: ({ id, spec }) => bus.tell({ event: 'vm.changed', id, vm: spec.name }),
    deleted: ({ id, spec }) => bus.tell({ event: 'vm.deleted', id, vm: spec.name }),
  };
}

/** Tells the bus of the stored images. */
export function imageEvents(bus: EventBus): (change: DirectoryChange, name: string) => void {
  return (change, image) => bus.tell({ event: `image.${change}`, image });
}

/** Tells the bus of the stored kernels. */
export function kernelEvents(bus: EventBus): (change: DirectoryChange, name: string) => void {
  return (change, kernel) => bus.tell({ event: `kernel.${change}`, kernel });
}
