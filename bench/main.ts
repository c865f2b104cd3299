import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { overBudget, readBudget } from './budget.ts';
import { coldRun } from './cold-run.ts';
import { eight } from './eight.ts';
import { exec, throughput } from './exec.ts';
import { imageBuild } from './image-build.ts';
import { imagePull } from './image-pull.ts';
import { lifecycle } from './lifecycle.ts';
import { lifecycleFake } from './lifecycle-fake.ts';
import { list } from './list.ts';
import type { Result } from './measure.ts';
import { banger, program, ROOT } from './program.ts';
import { reportOf } from './report.ts';

// node bench/main.ts [--rounds N] [--home DIR] [--scale SHARE] [NAME…]; see README.md beside this.

const benchmarks = [list, exec, throughput, coldRun, lifecycleFake, lifecycle, eight, imageBuild, imagePull];
const { values, positionals } = parseArgs({
  options: { rounds: { type: 'string' }, home: { type: 'string' }, scale: { type: 'string', default: '1' } },
  allowPositionals: true,
});
const unknown = positionals.filter((wanted) => benchmarks.every(({ name }) => name !== wanted));
const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
const scale = Number(values.scale);
const wrongRounds = rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0);
if (unknown.length > 0 || wrongRounds || !(scale > 0 && scale <= 1)) {
  process.stderr.write(
    `usage: main.ts [--rounds N] [--home DIR] [--scale SHARE] [${benchmarks.map(({ name }) => name).join(' | ')}]…\n`,
  );
  process.exit(2);
}
const chosen = benchmarks.filter(({ name }) => positionals.length === 0 || positionals.includes(name));

const say = (line: string): void => void process.stderr.write(`${line}\n`);
const home = values.home ?? mkdtempSync(join(tmpdir(), 'banger-bench-'));
const loadBefore = loadavg()[0];
const results: Result[] = [];
try {
  say('the first VM of this home, with what it has to fetch');
  await banger(['vm', 'run', '--rm', '--', 'true'], home);
  for (const benchmark of chosen) {
    say(benchmark.name);
    results.push(await benchmark.run({ home, scale, say }, rounds ?? benchmark.rounds));
  }
} finally {
  await banger(['daemon', 'stop'], home).catch((error: unknown) => say(String(error)));
  if (values.home === undefined) rmSync(home, { recursive: true, force: true });
}

const budget = readBudget();
process.stdout.write(`${results.map((result) => reportOf(result, budget)).join('\n\n')}\n`);

const machine = {
  cpus: cpus().length,
  cpu: cpus()[0]?.model,
  memoryMib: Math.floor(totalmem() / 1024 ** 2),
  kernel: release(),
  qemu: (await program(['qemu-system-x86_64', '--version'])).split('\n')[0],
  node: process.version,
  // What else ran then: figures of a busy machine are worth less.
  loadBefore,
};
const file = join(ROOT, 'build/bench/results.json');
mkdirSync(join(file, '..'), { recursive: true });
const over = results.flatMap((result) => overBudget(result, budget).map((text) => `${result.name}: ${text}`));
writeFileSync(
  file,
  `${JSON.stringify({ date: new Date().toISOString(), machine, budget, over, results }, null, 2)}\n`,
);
say(`written to build/bench/results.json`);
process.exitCode = over.length > 0 ? 1 : 0;
