import type { VmmEnd } from '../../drivers/vmm/driver.ts';
import { runAllSteps } from '../../domain/steps.ts';
import type { VmRow } from '../../domain/vm-row.ts';
import { consoleTail, consoleText, panicReason } from './console.ts';
import type { VmDeps } from './deps.ts';
import type { LiveVm } from './live.ts';
import type { StateReason } from './states.ts';
import type { StepsTaken } from './steps-at-work.ts';
import { releaseSteps } from './stop-steps.ts';

/** Phase of a VM that was up when it failed, be the rest of it removed already or not. */
const UP = 'running';
/** Phase of a VM whose guest or VMM ended as somebody wanted, and of which the rest is being removed. */
const ENDED = 'ended';

/** The state that an end of a VMM leads to, and why. */
export interface Meaning {
  readonly state: 'stopped' | 'error';
  readonly why: StateReason;
}

/** Releases what a run had and brings the VM to the state that its end means; the caller holds the VM's lock. */
export async function settleEnd(
  deps: VmDeps,
  live: LiveVm,
  end: VmmEnd,
  taken = deps.steps.begin(live.id),
): Promise<VmRow> {
  const { state, why } = await meaningOf(deps, live, end);
  // Its VMM is gone, and removing the rest may take a while: nobody is told that it runs, and a daemon that finds it so knows why.
  deps.states.go(live.id, 'stopping', { phase: ENDED, ...why });
  try {
    return await release(deps, live, taken, (errors) => {
      const leftOver = errors.map((message) => `Not removed: ${message}`);
      const reason = [why.reason ?? '', ...leftOver].filter((line) => line !== '').join('\n');
      const { steps } = taken;
      return deps.states.go(live.id, errors.length === 0 ? state : 'error', { ...why, reason }, { steps });
    });
  } finally {
    taken.close();
  }
}

/** What the end of a VMM meant that a daemon before saw, and did not settle; undefined when none did. */
export function meaningOfSettling({ state, phase, reason, hint }: VmRow): Meaning | undefined {
  if (state !== 'stopping') return undefined;
  if (phase === ENDED) return { state: 'stopped', why: { reason } };
  return phase === UP ? { state: 'error', why: { phase, reason, hint } } : undefined;
}

/**
 * Lets go of a run: channel, VMM, network, sockets. `told` brings the VM to the state after it, with what could not be removed; whoever
 * lost a command in the guest hears of it then, and not before.
 */
export async function release<T>(
  deps: VmDeps,
  live: LiveVm,
  taken: StepsTaken,
  told: (leftOver: readonly string[]) => T,
): Promise<T> {
  live.released.abort();
  live.session?.close();
  live.session = undefined;
  live.initSettled.resolve();
  deps.live.delete(live.id);
  try {
    const errors = await runAllSteps(releaseSteps, { deps, id: live.id }, taken);
    deps.runtimes.clear(live.id);
    return told(errors.map((error) => error.message));
  } finally {
    live.over.resolve();
  }
}

async function meaningOf(deps: VmDeps, live: LiveVm, end: VmmEnd): Promise<Meaning> {
  const { kind, detail } = end;
  if (kind === 'guest-poweroff') {
    // One that a daemon before had asked to, and another one was about to ask again.
    const { state, reason } = deps.vms.get(live.id);
    const why = { reason: state === 'stopping' ? reason : 'The guest powered off.' };
    return { state: 'stopped', why };
  }
  if (kind === 'killed') return { state: 'stopped', why: { reason: 'It was killed.' } };
  const console = deps.layout.vm(live.id).console;
  const isPanic = kind === 'guest-panic';
  const cause = isPanic ? await panicReason(console, live.consoleFrom) : detail;
  const what = isPanic ? 'The guest kernel panicked' : 'The VMM ended';
  const tail = await consoleTail(console, live.consoleFrom);
  const lines = tail.length === 0 ? '' : `\n${consoleText(tail)}`;
  return {
    state: 'error',
    why: {
      phase: UP,
      reason: `${what}${cause === '' ? '' : `: ${cause}`}.${lines}`,
      hint: 'Read the console with `banger vm logs`, then start the VM again or delete it.',
    },
  };
}
