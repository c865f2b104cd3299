import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runStage, type StageContext } from './run-stage.ts';
import type { Stage } from './stage.ts';
import { stages } from './stages.ts';
import { counts, report, total, type StageResult } from './summary.ts';

/** Runs the stages named as arguments, or all, and ends with a line that counts. Exit status 1 when anything failed. */
const root = join(import.meta.dirname, '../..');
/** The project's machines have two cores. */
const BESIDE_AT_ONCE = 2;
const reports = join(root, 'build/test');
const summary = join(reports, 'summary');

const names = process.argv.slice(2);
const unknown = names.filter((name) => !stages.some((stage) => stage.name === name));
if (unknown.length > 0) {
  console.error(`No such stage: ${unknown.join(', ')}. Stages: ${stages.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

mkdirSync(reports, { recursive: true });
const results: StageResult[] = [];

async function run(stage: Stage, output: StageContext['output']): Promise<StageResult> {
  const heading = `\n== ${stage.name}: ${stage.what}\n`;
  if (output === 'inherit') process.stdout.write(heading);
  const started = performance.now();
  const failedBefore = results
    .filter(({ outcome }) => outcome.failures.length > 0)
    .map((result) => result.stage.name);
  const lacking = (stage.needs ?? []).filter((name) => failedBefore.includes(name));
  const outcome =
    lacking.length === 0
      ? await runStage(stage, { root, reports, output, heading })
      : { passed: 0, failures: [`${stage.name}: not run, as ${lacking.join(', ')} failed`], skips: [] };
  return { stage, outcome, seconds: (performance.now() - started) / 1_000 };
}

/** Runs neighbours at the same time, each told with its heading once it has ended. */
async function runBeside(neighbours: readonly Stage[]): Promise<StageResult[]> {
  const waiting = [...neighbours];
  const ended = new Map<Stage, StageResult>();
  const worker = async (): Promise<void> => {
    for (let stage = waiting.shift(); stage !== undefined; stage = waiting.shift()) {
      ended.set(stage, await run(stage, 'collect'));
    }
  };
  await Promise.all(Array.from({ length: BESIDE_AT_ONCE }, worker));
  return neighbours.flatMap((stage) => ended.get(stage) ?? []);
}

const chosen = stages.filter(({ name }) => names.length === 0 || names.includes(name));
const beside = chosen.filter((stage) => stage.beside === true);
results.push(...(await runBeside(beside)));
for (const stage of chosen.filter((other) => other.beside !== true))
  results.push(await run(stage, 'inherit'));

const sum = total(results);
for (const line of report(results)) console.log(line);
writeFileSync(summary, `${counts(sum)}\n`);
console.log(counts(sum));
if (sum.failures.length > 0) process.exitCode = 1;
