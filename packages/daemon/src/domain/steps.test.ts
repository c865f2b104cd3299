import { BangerError } from '@banger/contract/error';
import { describe, expect, test } from 'vitest';
import { runAllSteps, runSteps, StepFailure, type Stage, type Step } from './steps.ts';

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

function play(steps: readonly Stage<Trace>[], signal = new AbortController().signal) {
  const context: Trace = { seen: [] };
  const outcomes: string[] = [];
  const told: string[] = [];
  const observer = {
    started: () => {},
    atWork: ({ name }: { name: string }) => void told.push(name),
    ended: (_: unknown, report: { name: string; outcome: string }) =>
      void outcomes.push(`${report.name} ${report.outcome}`),
  };
  return { context, outcomes, told, run: runSteps(steps, context, { signal, observer, monotonic: () => 0 }) };
}

describe('a list of steps', () => {
  test('runs in order and undoes nothing when all is well', async () => {
    const { context, outcomes, run } = play([step('a'), step('b')]);
    await run;
    expect(context.seen).toEqual(['run a', 'run b']);
    expect(outcomes).toEqual(['a done', 'b done']);
  });

  test('tells a quiet one only when it says that it is at work, and once', async () => {
    const busy: Step<Trace> = {
      ...{ name: 'busy', title: 'busy', quiet: true },
      run: async (_context, _signal, atWork) => {
        atWork();
        atWork();
      },
    };
    const { outcomes, told, run } = play([step('a'), { ...step('idle'), quiet: true }, busy]);
    await run;
    expect(told).toEqual(['a', 'busy']);
    expect(outcomes).toEqual(['a done', 'idle done', 'busy done']);
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

describe('steps at the same time', () => {
  /** A step that ends when told to, or when it is cancelled. */
  const waiting = (name: string, until: Promise<void>): Step<Trace> => ({
    ...step(name),
    run: async ({ seen }, signal) => {
      seen.push(`run ${name}`);
      const cancelled = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(new BangerError('cancelled', 'cancelled')));
      });
      try {
        await Promise.race([until, cancelled]);
      } finally {
        seen.push(`end ${name}`);
      }
    },
  });

  test('all begin before one ends, and what comes next waits for all', async () => {
    const gate = Promise.withResolvers<void>();
    const opening: Step<Trace> = { ...step('b'), run: async () => gate.resolve() };
    const { context, outcomes, run } = play([[waiting('a', gate.promise), opening], step('c')]);
    await run;
    expect(context.seen).toEqual(['run a', 'end a', 'run c']);
    expect(outcomes.toSorted()).toEqual(['a done', 'b done', 'c done']);
  });

  test('one that fails ends the others, is named, and all are undone once they have ended', async () => {
    const broken = new BangerError('disk_full', 'full');
    const never = new Promise<void>(() => {});
    const { context, outcomes, run } = play([
      step('a'),
      [waiting('b', never), step('c', { run: broken })],
      step('d'),
    ]);
    await expect(run).rejects.toMatchObject({ step: 'c', error: broken, undoErrors: [] });
    expect(context.seen).toEqual(['run a', 'run b', 'run c', 'end b', 'undo c', 'undo b', 'undo a']);
    expect(outcomes).toEqual(['a done', 'c failed', 'b failed']);
  });

  test("the caller's signal reaches all of them and counts as cancelled", async () => {
    const controller = new AbortController();
    const never = new Promise<void>(() => {});
    const { context, run } = play([[waiting('a', never), waiting('b', never)]], controller.signal);
    controller.abort();
    await expect(run).rejects.toMatchObject({ error: { code: 'cancelled' } });
    expect(context.seen).toEqual(['run a', 'run b', 'end a', 'end b', 'undo b', 'undo a']);
  });
});

test('steps of an end run whatever became of those before, and are reported as what they came to', async () => {
  const context: Trace = { seen: [] };
  const reports: string[] = [];
  const observer = {
    started: ({ name }: { readonly name: string }) => void reports.push(name),
    atWork: () => {},
    ended: (_: unknown, { name, outcome }: { readonly name: string; readonly outcome: string }) =>
      void reports.push(`${name} ${outcome}`),
  };
  const busy = new BangerError('command_failed', 'It still runs.');
  const steps = [step('a'), step('b', { run: busy }), step('c')];
  expect(await runAllSteps(steps, context, { observer, monotonic: () => 0 })).toEqual([busy]);
  expect(context.seen).toEqual(['run a', 'run b', 'run c']);
  expect(reports).toEqual(['a', 'a done', 'b', 'b failed', 'c', 'c done']);
});
