import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { coldRun } from './cold-run.ts';
import { exec, throughput } from './exec.ts';
import { imageBuild } from './image-build.ts';
import { list } from './list.ts';
import type { Result } from './measure.ts';
import { banger, program, ROOT } from './program.ts';

// node bench/main.ts [--rounds N] [NAME…]: runs the benchmarks, prints what they found, writes build/bench/results.json, and
// fails when a ratio is over its ceiling in bench/budget.json.

const benchmarks = [list, exec, throughput, coldRun, imageBuild];
const { values, positionals } = parseArgs({
  options: { rounds: { type: 'string' } },
  allowPositionals: true,
});
const chosen =
  positionals.length === 0 ? benchmarks : benchmarks.filter(({ name }) => positionals.includes(name));
if (chosen.length === 0)
  throw new Error(`No such benchmark; there are ${benchmarks.map(({ name }) => name).join(', ')}.`);

const budget = JSON.parse(readFileSync(join(import.meta.dirname, 'budget.json'), 'utf8')) as Record<
  string,
  Record<string, number>
>;
const say = (line: string): void => void process.stderr.write(`${line}\n`);
const home = mkdtempSync(join(tmpdir(), 'banger-bench-'));
const results: (Result & { readonly over: readonly string[] })[] = [];
try {
  say('Fetching image and kernel into an empty home');
  await banger(['vm', 'run', '--rm', '--', 'true'], home);
  for (const benchmark of chosen) {
    say(benchmark.name);
    const rounds = values.rounds === undefined ? benchmark.rounds : Number(values.rounds);
    const result = await benchmark.run({ home, say }, rounds);
    results.push({ ...result, over: overBudget(result) });
  }
} finally {
  await banger(['daemon', 'stop'], home).catch((error: unknown) => say(String(error)));
  rmSync(home, { recursive: true, force: true });
}

for (const { name, what, n, figures, over } of results) {
  const shown = Object.entries(figures).map(([key, value]) => `${key} ${value.toFixed(2)}`);
  process.stdout.write(
    `${name} (n=${n}): ${shown.join(', ')}${over.length === 0 ? '' : `  OVER BUDGET: ${over.join(', ')}`}\n  ${what}\n`,
  );
}
mkdirSync(join(ROOT, 'build/bench'), { recursive: true });
const machine = {
  cpus: cpus().length,
  cpu: cpus()[0]?.model,
  memoryMib: Math.floor(totalmem() / 1024 ** 2),
  kernel: release(),
};
const qemu = (await program(['qemu-system-x86_64', '--version'])).split('\n')[0];
writeFileSync(
  join(ROOT, 'build/bench/results.json'),
  `${JSON.stringify({ date: new Date().toISOString(), machine, qemu, node: process.version, results }, null, 2)}\n`,
);
process.exitCode = results.some(({ over }) => over.length > 0) ? 1 : 0;

function overBudget({ name, figures }: Result): string[] {
  return Object.entries(budget[name] ?? {})
    .filter(([figure, ceiling]) => (figures[figure] ?? Infinity) > ceiling)
    .map(([figure, ceiling]) => `${figure} ${figures[figure]?.toFixed(2)} > ${ceiling}`);
}
