import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runStage } from './run-stage.ts';
import { stages } from './stages.ts';
import { counts, report, total, type StageResult } from './summary.ts';

/** Runs the stages named as arguments, or all, and ends with a line that counts. Exit status 1 when anything failed. */
const root = join(import.meta.dirname, '../..');
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
for (const stage of stages) {
  if (names.length > 0 && !names.includes(stage.name)) continue;
  console.log(`\n== ${stage.name}: ${stage.what}`);
  const started = performance.now();
  const failedBefore = results
    .filter(({ outcome }) => outcome.failures.length > 0)
    .map((result) => result.stage.name);
  const lacking = (stage.needs ?? []).filter((name) => failedBefore.includes(name));
  const outcome =
    lacking.length === 0
      ? await runStage(stage, { root, reports, output: 'inherit' })
      : { passed: 0, failures: [`${stage.name}: not run, as ${lacking.join(', ')} failed`], skips: [] };
  results.push({ stage, outcome, seconds: (performance.now() - started) / 1_000 });
}

const sum = total(results);
for (const line of report(results)) console.log(line);
writeFileSync(summary, `${counts(sum)}\n`);
console.log(counts(sum));
if (sum.failures.length > 0) process.exitCode = 1;
