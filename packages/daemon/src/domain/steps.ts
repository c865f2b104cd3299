import { BangerError, toBangerError } from '@banger/contract/error';
import type { VmStep } from '@banger/contract/vm';
import { sideBySide } from './side-by-side.ts';

/** One named step of a long procedure, with its undo. Both see the same context. */
export interface Step<C> {
  readonly name: string;
  /** Shown to a person while it runs, as `Booting the kernel`. */
  readonly title: string;
  /** It is told only once it says itself that it has something to do, which most times it has not. */
  readonly quiet?: true;
  run(context: C, signal: AbortSignal, atWork: () => void): Promise<void>;
  /** Takes back whatever `run` did, also when it stopped half-way; harmless when it did nothing. */
  undo?(context: C): Promise<void>;
}

/** One step, or several that need nothing of each other and run at the same time. */
export type Stage<C> = Step<C> | readonly Step<C>[];

/** What is told while steps run. */
export interface StepObserver {
  started(step: Pick<Step<never>, 'name' | 'title'>): void;
  /** It has something to do: at its start, or later when it is quiet. */
  atWork(step: Pick<Step<never>, 'name' | 'title'>): void;
  /** `wasAtWork`: that was told. */
  ended(step: Pick<Step<never>, 'name' | 'title'>, report: VmStep, wasAtWork: boolean): void;
}

/** A failed procedure: the step that failed, and what could not be undone. */
export class StepFailure extends Error {
  readonly step: string;
  readonly error: BangerError;
  readonly undoErrors: readonly BangerError[];

  constructor(step: string, error: BangerError, undoErrors: readonly BangerError[]) {
    super(error.message, { cause: error });
    this.name = 'StepFailure';
    this.step = step;
    this.error = error;
    this.undoErrors = undoErrors;
  }
}

/** How steps are run; `monotonic` gives milliseconds. */
export interface RunOptions {
  readonly signal: AbortSignal;
  readonly observer: StepObserver;
  readonly monotonic: () => number;
}

/**
 * Runs the steps in order. When one fails, or the signal fires, those at work beside it are told to end and waited for; then their undo
 * runs, its own, and that of all before backwards, each whatever the others do; then a `StepFailure` names the first that failed.
 */
export async function runSteps<C>(
  stages: readonly Stage<C>[],
  context: C,
  options: RunOptions,
): Promise<void> {
  const begun: Step<C>[] = [];
  for (const stage of stages) {
    const steps = 'run' in stage ? [stage] : stage;
    begun.push(...steps);
    let failed: Step<C> | undefined;
    try {
      await sideBySide(
        options.signal,
        steps.map((step) => async (signal: AbortSignal) => {
          try {
            await runStep(step, context, { ...options, signal });
          } catch (thrown) {
            failed ??= step;
            throw thrown;
          }
        }),
      );
    } catch (thrown) {
      const undoErrors = await undoSteps(begun, context);
      throw new StepFailure(failed?.name ?? '', asCancelled(thrown, options.signal), undoErrors);
    }
  }
}

/** Runs the steps in order, each whatever became of those before: for an end, which has no way back. Returns what failed. */
export async function runAllSteps<C>(
  steps: readonly Step<C>[],
  context: C,
  options: Omit<RunOptions, 'signal'>,
): Promise<BangerError[]> {
  const errors: BangerError[] = [];
  for (const step of steps) {
    try {
      await runStep(step, context, { ...options, signal: neverFires });
    } catch (thrown) {
      errors.push(toBangerError(thrown));
    }
  }
  return errors;
}

const neverFires = new AbortController().signal;

async function runStep<C>(
  step: Step<C>,
  context: C,
  { signal, observer, monotonic }: RunOptions,
): Promise<void> {
  const begun = monotonic();
  let isAtWork = false;
  const atWork = (): void => {
    if (!isAtWork) observer.atWork(step);
    isAtWork = true;
  };
  observer.started(step);
  if (step.quiet !== true) atWork();
  let outcome: VmStep['outcome'] = 'failed';
  try {
    if (signal.aborted) throw new BangerError('cancelled', 'The call was cancelled.');
    await step.run(context, signal, atWork);
    outcome = 'done';
  } finally {
    observer.ended(step, { name: step.name, ms: monotonic() - begun, outcome }, isAtWork);
  }
}

/** What a step throws because its signal fired is a cancellation, whatever it was called down there. */
function asCancelled(thrown: unknown, signal: AbortSignal): BangerError {
  const error = toBangerError(thrown);
  return signal.aborted && error.code === 'internal'
    ? new BangerError('cancelled', 'The call was cancelled.', { cause: thrown })
    : error;
}

/** Undoes the steps backwards, every one whatever the others do; returns what failed. */
async function undoSteps<C>(steps: readonly Step<C>[], context: C): Promise<BangerError[]> {
  const errors: BangerError[] = [];
  for (const step of steps.toReversed()) {
    try {
      await step.undo?.(context);
    } catch (thrown) {
      errors.push(toBangerError(thrown));
    }
  }
  return errors;
}
