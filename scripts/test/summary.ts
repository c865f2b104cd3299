import type { Outcome, Stage } from './stage.ts';

/** A stage that has been run, or failed without being run. */
export interface StageResult {
  readonly stage: Stage;
  readonly outcome: Outcome;
  readonly seconds: number;
}

/** The table of stages, what was skipped and why, and what failed; lines without an end of line. */
export function report(results: readonly StageResult[]): readonly string[] {
  const width = Math.max(...results.map(({ stage }) => stage.name.length));
  const table = results.map(({ stage, outcome, seconds }) => {
    const verdict = outcome.failures.length === 0 ? 'ok    ' : 'FAILED';
    return `${verdict} ${stage.name.padEnd(width)} ${seconds.toFixed(1).padStart(7)} s  ${stage.what}: ${counts(outcome)}`;
  });
  const skips = results.flatMap(({ outcome }) =>
    outcome.skips.map(({ name, reason }) => `skipped: ${name}: ${reason}`),
  );
  const failures = results.flatMap(({ outcome }) => outcome.failures.map((failure) => `failed: ${failure}`));
  return ['', ...table, ...skips, ...failures, ''];
}

/** The last line of the tests: `N passed, N failed`, with `, N skipped` when there are any. */
export function counts(outcome: Outcome): string {
  const skipped = outcome.skips.length === 0 ? '' : `, ${outcome.skips.length} skipped`;
  return `${outcome.passed} passed, ${outcome.failures.length} failed${skipped}`;
}

/** The outcome of all stages together. */
export function total(results: readonly StageResult[]): Outcome {
  return {
    passed: results.reduce((sum, { outcome }) => sum + outcome.passed, 0),
    failures: results.flatMap(({ outcome }) => outcome.failures),
    skips: results.flatMap(({ outcome }) => outcome.skips),
  };
}
