import type { VmState } from '@banger/contract/vm';

/**
 * The states a VM may go to from each state. A VM that is not there any more has no row, so
 * deletion is no state: it ends in the row's removal, from every state.
 */
const next = {
  creating: ['stopped', 'starting', 'error'],
  stopped: ['starting', 'error'],
  starting: ['running', 'stopping', 'stopped', 'error'],
  running: ['paused', 'stopping', 'stopped', 'error'],
  paused: ['running', 'stopping', 'stopped', 'error'],
  // Back to running when nobody asked for the stop and the guest does not follow, or when it stands still until the host has room.
  stopping: ['running', 'stopped', 'error'],
  error: ['starting', 'stopping', 'stopped'],
} as const satisfies Record<VmState, readonly VmState[]>;

/** What some state leads to: none leads back to a creation. */
export type StateAhead = (typeof next)[VmState][number];

/** True when a VM may go from one state to the other; staying is always allowed (the reason may change). */
export function mayGo(from: VmState, to: VmState): boolean {
  return from === to || (next[from] as readonly VmState[]).includes(to);
}

/** States in which a VMM may be alive. */
export const liveStates: ReadonlySet<VmState> = new Set(['starting', 'running', 'paused', 'stopping']);
