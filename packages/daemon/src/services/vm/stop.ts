import { BangerError, toBangerError } from '@banger/contract/error';
import type { VmRow } from '../../domain/vm-row.ts';
import { runAllSteps, runSteps, StepFailure } from '../../domain/steps.ts';
import { liveStates } from '../../domain/vm-state.ts';
import { inBackground } from '../background.ts';
import type { VmDeps } from './deps.ts';
import { attach } from './attach.ts';
import { consoleTail, consoleText } from './console.ts';
import { pauseForRoom } from './disk-full.ts';
import { release, settleEnd } from './ended.ts';
import type { LiveVm } from './live.ts';
import { hearAgent } from './health.ts';
import { letGo, within } from './power-off.ts';
import { runtimeKinds } from './resources.ts';
import { refuseStray } from './stray.ts';
import type { StepsTaken } from './steps-at-work.ts';
import { killStep, powerOffSteps, type StopContext } from './stop-steps.ts';
import { warn } from './watch.ts';

/** A killed VMM is gone as soon as the kernel has freed its memory. */
const KILL_DEADLINE_MS = 10_000;

/** Phase of a stop that nobody asked for: whichever daemon goes on with it may not end the guest by force. */
export const AUTOMATIC = 'automatic stop';

/** How a VM is stopped. */
export interface StopOptions {
  /** Without asking its guest. */
  readonly force: boolean;
  /** Why, for the state after it. */
  readonly reason?: string;
  /** Nobody asked for it: a guest that does not power off runs on, and the stop is refused with `agent_not_ready`. */
  readonly automatic?: boolean;
  /** The caller starts it again: if it is killed before, the next daemon does. */
  readonly startAgain?: boolean;
}

/**
 * Stops a VM whose lock the caller holds. The guest syncs and powers off; one that does not in time is ended, and the reason says so,
 * after the one that the caller gives. A VM that is not running is cleaned up after, which is no error. Refused with `vm_state` when the
 * guest waits for room on the host, be it only since it writes what it holds, and with `vmm_failed` while its VMM does not answer: what it
 * has not written would be lost, which only `force` may do. Rejects with `cancelled` when the daemon lets go of the VM; the row stays
 * `stopping`, for the next one to go on.
 */
export async function stopHeld(
  deps: VmDeps,
  id: string,
  { force, reason = '', automatic = false, startAgain = false }: StopOptions,
): Promise<VmRow> {
  const live = deps.live.get(id) ?? (await found(deps, id, force));
  if (live === undefined) return cleanUp(deps, id, { reason: '', startAgain });
  if (live.waitsForRoom && !force) throw waitsForRoom(deps, live);
  if (automatic) await hearGuest(deps, live);
  deps.states.go(id, 'stopping', automatic ? { phase: AUTOMATIC, reason } : {}, { startAgain });
  const taken = deps.steps.begin(id);
  try {
    if (force) return await ended(deps, live, taken, 'It was ended by force.');
    const context: StopContext = { deps, live };
    try {
      await runSteps(powerOffSteps, context, { signal: live.released.signal, ...taken });
    } catch (thrown) {
      const error = thrown instanceof StepFailure ? thrown.error : toBangerError(thrown);
      if (error.code === 'disk_full') throw waitsForRoom(deps, live);
      if (error.code !== 'agent_not_ready') throw error;
      if (automatic) throw leftRunning(deps, id, error.message);
      const lost = `The guest did not power off (${error.message}); it was ended, and what it had not written may be lost.`;
      const tail = await consoleTail(deps.layout.vm(id).console, live.consoleFrom);
      const console = tail.length === 0 ? '' : consoleText(tail);
      return await ended(deps, live, taken, [reason, lost, console].filter((line) => line !== '').join('\n'));
    }
    const { end } = context;
    if (end !== undefined && end.kind !== 'guest-poweroff') return await settleEnd(deps, live, end, taken);
    return await release(deps, live, taken, (leftOver) => settled(deps, id, leftOver, reason, taken));
  } finally {
    taken.close();
  }
}

/** Throws for a guest that cannot be asked to power off, before its state says anything else than that it runs. */
async function hearGuest(deps: VmDeps, live: LiveVm): Promise<void> {
  const { session } = live;
  try {
    if (session === undefined) throw new BangerError('agent_not_ready', live.agent.reason);
    await hearAgent(deps, live, session);
  } catch (error) {
    throw leftRunning(deps, live.id, toBangerError(error).message);
  }
}

/** The refusal of an automatic stop whose guest does not follow; the VM runs on and has a warning, once. */
function leftRunning(deps: VmDeps, id: string, why: string): BangerError {
  if (deps.vms.get(id).state === 'stopping') deps.states.go(id, 'running');
  warn(
    deps,
    id,
    'An automatic stop left it running: its guest does not power off, and what it has not written would be lost.',
  );
  return new BangerError(
    'agent_not_ready',
    `${deps.vms.get(id).spec.name} was left running: its guest does not power off (${why}).`,
  );
}

/** A VM whose VMM nobody of us holds yet: taken over first, if it lives. */
async function found(deps: VmDeps, id: string, force: boolean): Promise<LiveVm | undefined> {
  if (force || deps.runtimes.find(id) === undefined) return undefined;
  const result = await attach(deps, deps.vms.get(id));
  if (result === 'silent') throw wouldLose('vmm_failed', deps, id, 'has a VMM that does not answer');
  return deps.live.get(id);
}

function wouldLose(code: 'vm_state' | 'vmm_failed', deps: VmDeps, id: string, what: string): BangerError {
  const { name } = deps.vms.get(id).spec;
  return new BangerError(code, `${name} ${what}: what its guest has not written would be lost.`, {
    hint: `Wait for it, or end it all the same with \`banger vm stop --force ${name}\`.`,
  });
}

/** The refusal of a stop whose guest stands still until there is room: it goes on then, and with it what the stop has asked of it. */
function waitsForRoom(deps: VmDeps, live: LiveVm): BangerError {
  if (deps.vms.get(live.id).state === 'stopping')
    deps.states.go(live.id, 'running', {}, { startAgain: false });
  inBackground(deps.log, 'waiting for room', () => pauseForRoom(deps, live), live.released.signal);
  return wouldLose('vm_state', deps, live.id, 'waits for room on the disk of the host');
}

/** Ends a VM without asking its guest. */
async function ended(deps: VmDeps, live: LiveVm, taken: StepsTaken, reason: string): Promise<VmRow> {
  // One that is no longer ours is the next daemon's, which may hear its guest.
  if (live.released.signal.aborted) throw letGo();
  return endedBy(deps, live, taken, 'SIGKILL', () => reason);
}

/**
 * Sends a signal to the VMM of a VM whose lock the caller holds, then cleans up as a stop does. One that was up, or coming up, when it was
 * asked for, and is stopped by now, is as asked: its start was cancelled for this. Else `vm_not_running`.
 */
export async function killHeld(
  deps: VmDeps,
  { id, state: asked }: Pick<VmRow, 'id' | 'state'>,
  signal: NodeJS.Signals,
): Promise<VmRow> {
  const live = deps.live.get(id);
  if (live === undefined) {
    // A VMM that does not answer is ended as whatever carries its token.
    if (deps.runtimes.find(id) !== undefined)
      return cleanUp(deps, id, { reason: 'It was killed with SIGKILL.', startAgain: false });
    const row = deps.vms.get(id);
    if (row.state === 'stopped' && (row.startAgain || liveStates.has(asked)))
      return deps.vms.update(id, { startAgain: false });
    throw new BangerError('vm_not_running', `${row.spec.name} is not running.`, {
      hint: 'There is nothing to kill.',
    });
  }
  deps.states.go(id, 'stopping', {}, { startAgain: false });
  const taken = deps.steps.begin(id);
  try {
    return await endedBy(deps, live, taken, signal, (by) =>
      by === signal ? `It was killed with ${by}.` : `It was killed with ${by}, as ${signal} did not end it.`,
    );
  } finally {
    taken.close();
  }
}

/** `reason` is told which signal it was in the end. */
async function endedBy(
  deps: VmDeps,
  live: LiveVm,
  taken: StepsTaken,
  signal: NodeJS.Signals,
  reason: (by: NodeJS.Signals) => string,
): Promise<VmRow> {
  let by = signal;
  const kill = async (): Promise<void> => {
    by = await endVmm(deps, live, signal);
  };
  await runAllSteps([killStep(kill)], undefined, taken);
  return release(deps, live, taken, (leftOver) => settled(deps, live.id, leftOver, reason(by), taken));
}

/** Ends the VMM and waits until it is gone; a signal that does not end it is followed by SIGKILL. Which one it was. */
async function endVmm(deps: VmDeps, live: LiveVm, signal: NodeJS.Signals): Promise<NodeJS.Signals> {
  try {
    await within(deps.clock, KILL_DEADLINE_MS, live.vmm.kill(signal), 'it did not end');
    return signal;
  } catch (error) {
    // The ledger's remover tries again and says what is left.
    deps.log.warn({ vm: live.id, signal, error: toBangerError(error).message }, 'VMM did not end');
    return signal === 'SIGKILL' ? signal : endVmm(deps, live, 'SIGKILL');
  }
}

/** A VM without a VMM of ours: whatever a run may have left is removed. */
async function cleanUp(
  deps: VmDeps,
  id: string,
  { reason, startAgain }: { readonly reason: string; readonly startAgain: boolean },
): Promise<VmRow> {
  await refuseStray(deps, id);
  const errors = await deps.ledger.remove(id, runtimeKinds);
  deps.runtimes.clear(id);
  const before = deps.vms.get(id);
  const row = before.startAgain === startAgain ? before : deps.vms.update(id, { startAgain });
  return errors.length === 0 && row.state === 'stopped'
    ? row
    : settled(
        deps,
        id,
        errors.map((error) => error.message),
        reason,
      );
}

function settled(
  deps: VmDeps,
  id: string,
  leftOver: readonly string[],
  reason: string,
  taken?: StepsTaken,
): VmRow {
  const change = taken === undefined ? {} : { steps: taken.steps };
  if (leftOver.length === 0) return deps.states.go(id, 'stopped', { reason }, change);
  const why = {
    phase: 'stop',
    reason: leftOver.map((message) => `Not removed: ${message}`).join('\n'),
    hint: 'Try `banger vm stop` or `banger vm delete` again.',
  };
  return deps.states.go(id, 'error', why, { ...change, startAgain: false });
}
