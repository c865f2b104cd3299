import type { GuestSession } from '../../drivers/guest/driver.ts';
import type { RunningVmm } from '../../drivers/vmm/driver.ts';
import type { VmRuntimeRow } from './runtime-row.ts';

/** The image's own services, as the agent reports them. */
export interface InitState {
  readonly state: 'pending' | 'ready' | 'failed';
  readonly detail: string;
}

/** A VM whose VMM this daemon holds. */
export interface LiveVm {
  readonly id: string;
  readonly vmm: RunningVmm;
  readonly runtime: VmRuntimeRow;
  /** The open channel to its agent; undefined while the agent is silent or the guest reboots. */
  session: GuestSession | undefined;
  init: InitState;
  /** Resolves when `init` is no longer pending, or the VM has ended. */
  initSettled: PromiseWithResolvers<void>;
  /** Channels that ended soon, in a row: the pause before the next try grows with them. */
  shortSessions: number;
  /** Its guest is stopped until the host has room for a write. */
  waitsForRoom: boolean;
  /** Fires when the VM is no longer ours to watch: it ended, or the daemon ends. */
  readonly released: AbortController;
  /** Resolves when this run is over, and the VM's state says so. */
  readonly over: PromiseWithResolvers<void>;
}

/** The VMs that run under this daemon, by id. */
export type LiveVms = Map<string, LiveVm>;

/** A VM whose VMM was just started or found, before its agent has answered. */
export function newLiveVm(id: string, vmm: RunningVmm, runtime: VmRuntimeRow): LiveVm {
  return {
    id,
    vmm,
    runtime,
    session: undefined,
    init: { state: 'pending', detail: '' },
    initSettled: Promise.withResolvers<void>(),
    shortSessions: 0,
    waitsForRoom: false,
    released: new AbortController(),
    over: Promise.withResolvers<void>(),
  };
}
