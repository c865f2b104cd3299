import { BangerError, toBangerError } from '@banger/contract/error';
import { runSteps, StepFailure, type Stage } from '../../domain/steps.ts';
import type { VmRow } from '../../domain/vm-row.ts';
import type { VmChange } from '../../store/vm-repository.ts';
import { tell } from '../operation.ts';
import { AGENT_KEY_BYTES } from './agent-key.ts';
import type { VmDeps } from './deps.ts';
import { release } from './ended.ts';
import { catchUp } from './watch.ts';
import type { LiveVm } from './live.ts';
import type { StartContext } from './start-context.ts';
import { awaitInit, initStep, startSteps } from './start-steps.ts';
import { refuseStray } from './stray.ts';
import type { StepsTaken } from './steps-at-work.ts';

/** Bytes of the token in the VMM's argv: not guessable, and short enough to read in a list of processes. */
const TOKEN_BYTES = 16;

/**
 * Starts a VM whose lock the caller holds, unless it runs: then it is as asked, and only its services are waited for, where they were to
 * be. Refuses with `vm_state` what is between the two.
 */
export async function startUnlessRunning(
  deps: VmDeps,
  id: string,
  { waitInit }: Pick<StartOptions, 'waitInit'>,
  signal: AbortSignal,
): Promise<VmRow> {
  const row = deps.vms.get(id);
  if (row.state !== 'running') {
    checkStartable(deps, row);
    return startHeld(deps, id, { waitInit }, signal);
  }
  if (waitInit) await awaitInit(deps, row, deps.live.get(id), signal);
  return deps.vms.get(id);
}

/** Refuses with `vm_state` what has a VMM, or has one that is being ended: a stop that a daemon began may be another one's to finish. */
function checkStartable(
  deps: Pick<VmDeps, 'live'>,
  { id, state, reason, hint, spec: { name } }: VmRow,
): void {
  if (state === 'paused') throw new BangerError('vm_state', `${name} is paused: ${reason}`, { hint });
  if (state === 'stopping')
    throw new BangerError('vm_state', `${name} is still being stopped.`, {
      hint: `Wait for it, or end it with \`banger vm stop --force ${name}\`.`,
    });
  if (deps.live.has(id))
    throw new BangerError('vm_state', `${name} is in ${state}, and its VMM still runs.`, {
      hint: `Stop it with \`banger vm stop ${name}\` before it is started.`,
    });
}

/** How a VM is started. */
export interface StartOptions {
  /** Also wait for the image's own services. */
  readonly waitInit: boolean;
  /** The same call has just made the VM, which is ephemeral or not from its being up on. */
  readonly first?: { readonly ephemeral: boolean };
}

/**
 * Starts a VM whose lock the caller holds: `starting`, the steps, `running`. A failure undoes what the start made (never a
 * disk of before) and leaves the VM in `error` with the step, the reason and what to do; a cancelled start leaves it `stopped`.
 */
export async function startHeld(
  deps: VmDeps,
  id: string,
  { waitInit, first }: StartOptions,
  signal: AbortSignal,
): Promise<VmRow> {
  await refuseStray(deps, id);
  const row = deps.states.go(id, 'starting', {}, { steps: [] });
  deps.uses.touch(id);
  const context: StartContext = {
    deps,
    row,
    disksAreNew: first !== undefined,
    agentKey: deps.randomBytes(AGENT_KEY_BYTES),
    token: Buffer.from(deps.randomBytes(TOKEN_BYTES)).toString('hex'),
    warnings: [],
    said: { init: row.init, imageDefaults: row.imageDefaults },
  };
  const taken = deps.steps.begin(id);
  try {
    const live = await bringUp(context, waitInit ? [...startSteps, initStep] : startSteps, taken, signal);
    deps.live.set(id, live);
    const { said, warnings } = context;
    const running = await writeDown(deps, live, taken, { ...first, startAgain: false, ...said, warnings });
    deps.uses.touch(id);
    await catchUp(deps, live);
    for (const warning of warnings) tell({ stage: warning, level: 'warning' });
    return running;
  } finally {
    taken.close();
  }
}

async function bringUp(
  context: StartContext,
  stages: readonly Stage<StartContext>[],
  taken: StepsTaken,
  signal: AbortSignal,
): Promise<LiveVm> {
  try {
    await runSteps(stages, context, { signal, ...taken });
  } catch (thrown) {
    const failure = thrown instanceof StepFailure ? thrown : undefined;
    throw startFailed(context.deps, context.row.id, taken, {
      step: failure?.step ?? '',
      error: failure?.error ?? toBangerError(thrown),
      leftOver: failure?.undoErrors.map((undo) => undo.message) ?? [],
    });
  }
  if (context.live === undefined) throw new BangerError('internal', 'A start ended without a VM.');
  return context.live;
}

/** One that runs, and is told to be starting, would be ended by the next start: it is ended at once. */
async function writeDown(deps: VmDeps, live: LiveVm, taken: StepsTaken, change: VmChange): Promise<VmRow> {
  try {
    return deps.states.go(live.id, 'running', {}, { ...change, steps: taken.steps });
  } catch (thrown) {
    const error = toBangerError(thrown);
    throw await release(deps, live, taken, (leftOver) =>
      startFailed(deps, live.id, taken, { step: '', error, leftOver }),
    );
  }
}

/** How a start failed; `leftOver` could not be undone. */
interface StartFailure {
  readonly step: string;
  readonly error: BangerError;
  readonly leftOver: readonly string[];
}

function startFailed(
  deps: VmDeps,
  id: string,
  { steps }: StepsTaken,
  { step, error, leftOver }: StartFailure,
): BangerError {
  const change = { steps, startAgain: false };
  if (error.code === 'cancelled' && leftOver.length === 0) {
    deps.states.go(id, 'stopped', { reason: `Its start was cancelled. ${error.message}` }, change);
    return error;
  }
  const reason = [error.message, ...leftOver.map((message) => `Not undone: ${message}`)].join('\n');
  deps.states.go(id, 'error', { phase: step, reason, hint: error.hint }, change);
  return error;
}
