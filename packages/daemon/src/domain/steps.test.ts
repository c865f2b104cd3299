import { BangerError } from '@banger/contract/error';
import { describe, expect, test } from 'vitest';
import { runSteps, StepFailure, type Step } from './steps.ts';

interface Trace {
  readonly seen: string[];
}

const step = (name: string, failing: { run?: Error; undo?: Error } = {}): Step<Trace> => ({
  name,
  title: name,
  run: async ({ seen }) => {
    seen.push(`run ${name}`);
    if (failing.run !== undefined) throw failing.run;
  },
  undo: async ({ seen }) => {
    seen.push(`undo ${name}`);
    if (failing.undo !== undefined) throw failing.undo;
  },
});

function play(steps: readonly Step<Trace>[], signal = new AbortController().signal) {
  const context: Trace = { seen: [] };
  const outcomes: string[] = [];
  const observer = {
    started: () => {},
    ended: (_: unknown, report: { name: string; outcome: string }) =>
      void outcomes.push(`${report.name} ${report.outcome}`),
  };
  return { context, outcomes, run: runSteps(steps, context, { signal, observer, monotonic: () => 0 }) };
}

describe('a list of steps', () => {
  test('runs in order and undoes nothing when all is well', async () => {
    const { context, outcomes, run } = play([step('a'), step('b')]);
    await run;
    expect(context.seen).toEqual(['run a', 'run b']);
    expect(outcomes).toEqual(['a done', 'b done']);
  });

  test('undoes the failing step too, then those before it backwards, and names the failing step', async () => {
    const broken = new BangerError('disk_full', 'full');
    const { context, outcomes, run } = play([step('a'), step('b', { run: broken }), step('c')]);
    const failure = await run.then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(StepFailure);
    expect(failure).toMatchObject({ step: 'b', error: broken, undoErrors: [] });
    expect(context.seen).toEqual(['run a', 'run b', 'undo b', 'undo a']);
    expect(outcomes).toEqual(['a done', 'b failed']);
  });

  test('runs every undo whatever the others do, and joins what failed', async () => {
    const { context, run } = play([
      step('a', { undo: new Error('undo of a') }),
      step('b', { undo: new Error('undo of b') }),
      step('c', { run: new Error('c') }),
    ]);
    const failure = (await run.then(
      () => undefined,
      (error: unknown) => error,
    )) as StepFailure;
    expect(context.seen.slice(3)).toEqual(['undo c', 'undo b', 'undo a']);
    expect(failure.undoErrors.map((error) => error.message)).toEqual(['undo of b', 'undo of a']);
  });

  test('a signal that fired stops before the next step and counts as cancelled', async () => {
    const controller = new AbortController();
    const stopping: Step<Trace> = { ...step('a'), run: async () => controller.abort() };
    const { context, run } = play([stopping, step('b')], controller.signal);
    await expect(run).rejects.toMatchObject({ step: 'b', error: { code: 'cancelled' } });
    expect(context.seen).toEqual(['undo b', 'undo a']);
  });
});
