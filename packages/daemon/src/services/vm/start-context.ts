import type { StoredKernel } from '../../drivers/kernel/driver.ts';
import type { NetworkAttachment } from '../../drivers/network/driver.ts';
import type { Accel, RunningVmm } from '../../drivers/vmm/driver.ts';
import type { VmRow } from '../../domain/vm-row.ts';
import type { VmDeps } from './deps.ts';
import type { LiveVm } from './live.ts';

/** What the steps of a start share; filled from step to step. */
export interface StartContext {
  readonly deps: VmDeps;
  readonly row: VmRow;
  /** The same call has just made the disks whole: to check them would only take time. */
  readonly disksAreNew: boolean;
  /** Secret of the agent channel of this boot. */
  readonly agentKey: Uint8Array;
  /** Unguessable; stands in the VMM's argv so that it is found by looking. */
  readonly token: string;
  readonly warnings: string[];
  /** As in the row; after the first steps it is known. */
  said: Pick<VmRow, 'init' | 'imageDefaults'>;
  kernel?: StoredKernel;
  attachment?: NetworkAttachment;
  accel?: Accel;
  /** Bytes that the console log had before this run. */
  consoleFrom?: number;
  vmm?: RunningVmm;
  live?: LiveVm;
}
