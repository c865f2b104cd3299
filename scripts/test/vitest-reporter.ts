import { writeFileSync } from 'node:fs';
import type { SerializedError } from 'vitest';
import type { Reporter, TestModule, TestRunEndReason } from 'vitest/node';
import type { Outcome, Skip } from './stage.ts';

/**
 * Writes the outcome of a run of vitest as JSON into the file that BANGER_TEST_REPORT names, so that tests are counted
 * and not lines of text.
 */
export default class OutcomeReporter implements Reporter {
  onTestRunEnd(
    modules: readonly TestModule[],
    unhandled: readonly SerializedError[],
    reason: TestRunEndReason,
  ): void {
    const file = process.env['BANGER_TEST_REPORT'];
    if (file === undefined) throw new Error('BANGER_TEST_REPORT is not set');
    writeFileSync(file, JSON.stringify(outcomeOf(modules, unhandled, reason)));
  }
}

/**
 * A test that was not run and does not say why has failed: so do the tests of a suite whose hook failed, and those
 * that an interruption left over. A run without any test has failed too.
 */
function outcomeOf(
  modules: readonly TestModule[],
  unhandled: readonly SerializedError[],
  reason: TestRunEndReason,
): Outcome {
  let passed = 0;
  const failures: string[] = [];
  const skips: Skip[] = [];
  for (const module of modules) {
    const file = module.relativeModuleId;
    for (const error of module.errors()) failures.push(`${file}: ${error.message}`);
    for (const suite of module.children.allSuites()) {
      for (const error of suite.errors()) failures.push(`${file} > ${suite.fullName}: ${error.message}`);
    }
    for (const test of module.children.allTests()) {
      const name = `${file} > ${test.fullName}`;
      const result = test.result();
      if (result.state === 'passed') passed += 1;
      else if (result.state === 'failed') failures.push(name);
      else if (result.state === 'skipped' && result.note !== undefined)
        skips.push({ name, reason: result.note });
      else failures.push(`${name} (not run, and no reason given)`);
    }
  }
  for (const error of unhandled) failures.push(`outside of any test: ${error.message}`);
  if (reason === 'interrupted') failures.push('the run was interrupted');
  if (passed + failures.length + skips.length === 0) failures.push('no tests were found');
  return { passed, failures, skips };
}
