import { BangerError, toBangerError } from '@banger/contract/error';
import type { VmStep } from '@banger/contract/vm';
import { runSteps, StepFailure, type StepObserver } from '../../domain/steps.ts';
import type { VmRow } from '../../domain/vm-row.ts';
import { tell } from '../operation.ts';
import { AGENT_KEY_BYTES } from './agent-key.ts';
import type { VmDeps } from './deps.ts';
import { release } from './ended.ts';
import { catchUp } from './watch.ts';
import type { StartContext } from './start-context.ts';
import { initStep, startSteps } from './start-steps.ts';
import { refuseStray } from './stray.ts';

/** Bytes of the token in the VMM's argv: not guessable, and short enough to read in a list of processes. */
const TOKEN_BYTES = 16;

/** Refuses with `vm_state` what has a VMM, or has one that is being ended: a stop that a daemon began may be another one's to finish. */
export function checkStartable(deps: Pick<VmDeps, 'live'>, { id, state, spec: { name } }: VmRow): void {
  if (state === 'running' || state === 'paused')
    throw new BangerError('vm_state', `${name} is ${state} already.`);
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
  const row = deps.states.go(id, 'starting');
  deps.uses.touch(id);
  const context: StartContext = {
    deps,
    row,
    disksAreNew: first !== undefined,
    agentKey: deps.randomBytes(AGENT_KEY_BYTES),
    token: Buffer.from(deps.randomBytes(TOKEN_BYTES)).toString('hex'),
    warnings: [],
    init: row.init,
  };
  const steps: VmStep[] = [];
  try {
    await runSteps(waitInit ? [...startSteps, initStep] : startSteps, context, {
      signal,
      observer: stepTeller(deps, id, steps),
      monotonic: () => deps.clock.monotonic(),
    });
  } catch (thrown) {
    const failure = thrown instanceof StepFailure ? thrown : undefined;
    throw startFailed(deps, id, steps, {
      step: failure?.step ?? '',
      error: failure?.error ?? toBangerError(thrown),
      leftOver: failure?.undoErrors.map((undo) => undo.message) ?? [],
    });
  }
  const { live } = context;
  if (live === undefined) throw new BangerError('internal', 'A start ended without a VM.');
  deps.live.set(id, live);
  let running: VmRow;
  try {
    running = deps.states.go(
      id,
      'running',
      {},
      { ...first, startAgain: false, init: context.init, steps, warnings: context.warnings },
    );
  } catch (thrown) {
    // One that runs, and is told to be starting, would be ended by the next start.
    const error = toBangerError(thrown);
    throw await release(deps, live, (leftOver) =>
      startFailed(deps, id, steps, { step: '', error, leftOver }),
    );
  }
  deps.uses.touch(id);
  await catchUp(deps, live);
  for (const warning of context.warnings) tell({ stage: warning, level: 'warning' });
  return running;
}

/** Records each step, tells the client and writes its time to the log. */
export function stepTeller(deps: Pick<VmDeps, 'log'>, id: string, steps: VmStep[]): StepObserver {
  return {
    started: (step) => tell({ stage: step.title }),
    ended: (step, report) => {
      steps.push({ ...report, ms: Math.round(report.ms * 10) / 10 });
      deps.log.info(
        { vm: id, step: report.name, ms: Math.round(report.ms), outcome: report.outcome },
        'vm step',
      );
      tell({ stage: step.title, ms: report.ms });
    },
  };
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
  steps: readonly VmStep[],
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
