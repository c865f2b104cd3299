import { BangerError, toBangerError } from '@banger/contract/error';
import type { VmStep } from '@banger/contract/vm';

/** One named step of a long procedure, with its undo. Both see the same context. */
export interface Step<C> {
  readonly name: string;
  /** Shown to a person while it runs, as `Booting the kernel`. */
  readonly title: string;
  run(context: C, signal: AbortSignal): Promise<void>;
  /** Takes back whatever `run` did, also when it stopped half-way; harmless when it did nothing. */
  undo?(context: C): Promise<void>;
}

/** What is told while steps run. */
export interface StepObserver {
  started(step: Pick<Step<never>, 'name' | 'title'>): void;
  ended(step: Pick<Step<never>, 'name' | 'title'>, report: VmStep): void;
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

/**
 * Runs the steps in order. When one fails, or the signal fires, its own undo runs and then those before it
 * backwards, each whatever the others do; then a `StepFailure` is thrown. `monotonic` gives milliseconds.
 */
export async function runSteps<C>(
  steps: readonly Step<C>[],
  context: C,
  { signal, observer, monotonic }: { signal: AbortSignal; observer: StepObserver; monotonic: () => number },
): Promise<void> {
  for (const [index, step] of steps.entries()) {
    const begun = monotonic();
    observer.started(step);
    try {
      if (signal.aborted) throw new BangerError('cancelled', 'The call was cancelled.');
      await step.run(context, signal);
      observer.ended(step, { name: step.name, ms: monotonic() - begun, outcome: 'done' });
    } catch (thrown) {
      observer.ended(step, { name: step.name, ms: monotonic() - begun, outcome: 'failed' });
      const undoErrors = await undoSteps(steps.slice(0, index + 1), context);
      throw new StepFailure(step.name, asCancelled(thrown, signal), undoErrors);
    }
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
