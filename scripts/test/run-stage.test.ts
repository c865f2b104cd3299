import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { runStage } from './run-stage.ts';
import type { Outcome, Stage } from './stage.ts';

let reports: string;

beforeAll(() => {
  reports = mkdtempSync(join(tmpdir(), 'banger-stage-'));
});

afterAll(() => {
  rmSync(reports, { recursive: true });
});

async function outcomeOf(command: Stage['command'], fixture?: string): Promise<Outcome> {
  const stage = { name: fixture ?? 'check', what: '', command };
  const root = join(import.meta.dirname, 'fixtures', fixture ?? 'passing');
  return runStage(fixture === undefined ? stage : { ...stage, vitest: true }, {
    root,
    reports,
    output: 'ignore',
  });
}

const vitest = (fixture: string): Promise<Outcome> => outcomeOf(['vitest', 'run'], fixture);
const one = (text: string): unknown => [expect.stringContaining(text)];

test('a check counts as one', async () => {
  expect(await outcomeOf(['true'])).toEqual({ passed: 1, failures: [], skips: [] });
});

test.each([
  ['that fails', ['false'], 'false ended with status 1'],
  [
    'that is killed',
    [process.execPath, '-e', 'process.kill(process.pid, "SIGKILL")'],
    'was ended by SIGKILL',
  ],
  ['that does not exist', ['no-such-program'], 'could not be started'],
] satisfies [string, Stage['command'], string][])(
  'a check %s is a failure',
  async (_what, command, failure) => {
    expect(await outcomeOf(command)).toEqual({ passed: 0, failures: one(failure), skips: [] });
  },
);

test('tests are counted', async () => {
  expect(await vitest('passing')).toEqual({ passed: 2, failures: [], skips: [] });
  expect(await vitest('failing')).toEqual({ passed: 1, failures: ['a.test.ts > bad'], skips: [] });
});

test('a skip carries its reason, or is a failure', async () => {
  expect(await vitest('skips')).toEqual({
    passed: 1,
    failures: one('without a reason'),
    skips: [{ name: 'a.test.ts > without hardware', reason: 'no /dev/kvm on this machine' }],
  });
});

test.each([
  ['no test file', 'none', 0, one('no tests were found')],
  ['a test file without tests', 'empty', 0, one('No test suite found')],
  ['a file that throws at import', 'broken', 1, one('at import')],
  [
    'a hook that throws',
    'hook',
    0,
    [expect.stringContaining('in the hook'), expect.stringContaining('never run')],
  ],
  ['an error outside of any test', 'later', 2, one('outside')],
  ['`only`, which leaves out the rest', 'only', 0, expect.arrayContaining(one('left out') as string[])],
  ['a broken configuration', 'config', 0, one('no report')],
  ['a status that says otherwise than the tests', 'status', 1, one('though no test failed')],
])('%s is a failure', async (_what, fixture, passed, failures) => {
  expect(await vitest(fixture)).toEqual({ passed, failures, skips: [] });
});

test('a crash of vitest is a failure', async () => {
  const crash = `process.kill(process.pid, 'SIGSEGV')`;
  expect(await outcomeOf([process.execPath, '-e', crash, '--'], 'passing')).toEqual({
    passed: 0,
    failures: one('no report of the tests was written'),
    skips: [],
  });
});
