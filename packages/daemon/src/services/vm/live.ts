import type { GuestSession } from '../../drivers/guest/driver.ts';
import type { RunningVmm } from '../../drivers/vmm/driver.ts';
import type { VmRuntimeRow } from './runtime-row.ts';

/** The image's own services, as the agent reports them. */
export interface InitState {
  readonly state: 'pending' | 'ready' | 'failed';
  readonly detail: string;
}

/** Whether an agent answers, as last seen. */
export interface AgentHealth {
  readonly state: 'ready' | 'silent';
  /** Milliseconds since 1970 when it came to that. */
  readonly since: number;
  /** Why it is silent, for a person; empty when it answers. */
  readonly reason: string;
}

/** A moment by both clocks of the host: one goes on while the host sleeps, the other does not jump when somebody sets the time. */
export interface Moment {
  readonly now: number;
  readonly monotonic: number;
}

/** A VM whose VMM this daemon holds. */
export interface LiveVm {
  readonly id: string;
  readonly vmm: RunningVmm;
  readonly runtime: VmRuntimeRow;
  /** Where what this run has written begins in the console log: what is before is of earlier ones. Bytes. */
  readonly consoleFrom: number;
  /** The open channel to its agent; undefined while the agent is silent or the guest reboots. */
  session: GuestSession | undefined;
  agent: AgentHealth;
  /** The question that its agent has not answered yet; whoever asks meanwhile waits for the same answer. */
  asked: Promise<void> | undefined;
  /** When the guest's clock was last known to be right, as far as it can be known; undefined before that. */
  clockSeen: Moment | undefined;
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

/** A VM whose VMM was just started or found, at `now`, before its agent has answered. */
export function newLiveVm(id: string, vmm: RunningVmm, runtime: VmRuntimeRow, now: number): LiveVm {
  return {
    id,
    vmm,
    runtime,
    consoleFrom: runtime.consoleFrom ?? 0,
    session: undefined,
    agent: { state: 'silent', since: now, reason: 'It has not answered yet.' },
    asked: undefined,
    clockSeen: undefined,
    init: { state: 'pending', detail: '' },
    initSettled: Promise.withResolvers<void>(),
    shortSessions: 0,
    waitsForRoom: false,
    released: new AbortController(),
    over: Promise.withResolvers<void>(),
  };
}
