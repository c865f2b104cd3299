import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Outcome, Stage } from './stage.ts';

/** A stage that takes longer hangs: all stages together take less than 20 minutes on two cores. */
const STAGE_TIMEOUT_MS = 45 * 60_000;

/** Words of a command that name it in a failure: program, script or subcommand. */
const NAMED_WORDS = 2;

/** Where a stage is run. */
export interface StageContext {
  /** The checkout; the command runs there. */
  readonly root: string;
  /** An existing folder for the report of vitest. */
  readonly reports: string;
  /** Receives what the command prints: ours, ours when the command has ended, or nothing. */
  readonly output: 'inherit' | 'collect' | 'ignore';
  /** Printed before what is collected. */
  readonly heading?: string;
}

/** Runs the command of a stage and tells what it came to. Never rejects. */
export async function runStage(stage: Stage, context: StageContext): Promise<Outcome> {
  if (stage.vitest === true) return runVitest(stage, context);
  const problem = await run(stage.command, context, {});
  if (problem === undefined) return { passed: 1, failures: [], skips: [] };
  return { passed: 0, failures: [`${stage.name}: ${problem}`], skips: [] };
}

/** What vitest reports counts only together with its exit status: it may have crashed before or after reporting. */
async function runVitest(stage: Stage, context: StageContext): Promise<Outcome> {
  const report = join(context.reports, `${stage.name}.json`);
  rmSync(report, { force: true });
  const reporter = join(import.meta.dirname, 'vitest-reporter.ts');
  const options = ['--allowOnly=false', '--reporter=default', `--reporter=${reporter}`];
  const problem = await run([...stage.command, ...options], context, { BANGER_TEST_REPORT: report });
  const outcome = readReport(report);
  if (outcome === undefined) {
    const failure = `${stage.name}: no report of the tests was written; ${problem ?? 'vitest ended with status 0'}`;
    return { passed: 0, failures: [failure], skips: [] };
  }
  if (problem === undefined || outcome.failures.length > 0) return outcome;
  return { ...outcome, failures: [`${stage.name}: ${problem}, though no test failed`] };
}

function readReport(file: string): Outcome | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Outcome;
  } catch {
    return undefined;
  }
}

function outputs(
  output: StageContext['output'],
): ['inherit' | 'pipe' | 'ignore', 'inherit' | 'pipe' | 'ignore'] {
  const each = output === 'collect' ? 'pipe' : output;
  return [each, each];
}

/** Resolves to what went wrong, or to undefined. */
async function run(
  [program, ...argv]: Stage['command'],
  { root, output, heading = '' }: StageContext,
  variables: Readonly<Record<string, string>>,
): Promise<string | undefined> {
  const path = `${join(import.meta.dirname, '../../node_modules/.bin')}:${process.env['PATH'] ?? ''}`;
  const child = spawn(program, argv, {
    cwd: root,
    stdio: ['ignore', ...outputs(output)],
    env: { ...process.env, ...variables, PATH: path },
    timeout: STAGE_TIMEOUT_MS,
  });
  const said: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => said.push(chunk));
  const name = [basename(program), ...argv].slice(0, NAMED_WORDS).join(' ');
  return new Promise((resolve) => {
    child.on('error', (error) => {
      resolve(`${name} could not be started: ${error.message}`);
    });
    child.on('close', (code, signal) => {
      if (output === 'collect') process.stdout.write(Buffer.concat([Buffer.from(heading), ...said]));
      if (code === 0) resolve(undefined);
      else resolve(signal === null ? `${name} ended with status ${code}` : `${name} was ended by ${signal}`);
    });
  });
}
