import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { BANGER, banger } from './program.ts';
import { timed, type BenchContext, type Benchmark } from './measure.ts';
import { median, percentile } from './statistics.ts';

const NAME = 'bench-exec';
const MEGABYTES = 200;

async function withVm<T>({ home }: BenchContext, work: () => Promise<T>): Promise<T> {
  await banger(['vm', 'create', '--name', NAME], home);
  try {
    return await work();
  } finally {
    await banger(['vm', 'delete', NAME], home);
  }
}

/** From the shell's prompt to the next, in a VM that runs. */
export const exec: Benchmark = {
  name: 'exec',
  rounds: 50,
  run: async (context, rounds) =>
    withVm(context, async () => {
      const run = (): Promise<number> =>
        timed(() => banger(['vm', 'exec', NAME, '--', 'true'], context.home));
      await run();
      const times: number[] = [];
      for (let round = 0; round < rounds; round += 1) times.push(await run());
      return {
        name: 'exec',
        what: '`vm exec NAME -- true`, command line included',
        n: rounds,
        figures: { medianMs: median(times), p95Ms: percentile(times, 0.95) },
        values: { ours: times },
      };
    }),
};

/** Bytes through exec in both directions, with nothing in the guest that would slow them down. */
export const throughput: Benchmark = {
  name: 'throughput',
  rounds: 10,
  run: async (context, rounds) =>
    withVm(context, async () => {
      const rate = (ms: number): number => (MEGABYTES / ms) * 1_000;
      const into: number[] = [];
      const out: number[] = [];
      for (let round = 0; round < rounds; round += 1) {
        into.push(rate(await timed(() => send(context.home))));
        out.push(rate(await timed(() => receive(context.home))));
        context.say(
          `  round ${round + 1} of ${rounds}: in ${into.at(-1)?.toFixed(0)}, out ${out.at(-1)?.toFixed(0)} MB/s`,
        );
      }
      return {
        name: 'throughput',
        what: `${MEGABYTES} MB through \`vm exec\`: into \`cat >/dev/null\`, out of \`head -c /dev/zero\``,
        n: rounds,
        figures: { inMBps: median(into), outMBps: median(out) },
        values: { inMBps: into, outMBps: out },
      };
    }),
};

async function send(home: string): Promise<void> {
  const child = spawn(process.execPath, [BANGER, 'vm', 'exec', NAME, '--', 'sh', '-c', 'cat >/dev/null'], {
    env: { ...process.env, BANGER_HOME: home },
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  const ended = once(child, 'close');
  const block = Buffer.alloc(1_000_000);
  for (let sent = 0; sent < MEGABYTES; sent += 1) {
    if (!child.stdin.write(block)) await once(child.stdin, 'drain');
  }
  child.stdin.end();
  if (((await ended) as [number | null])[0] !== 0) throw new Error('The command that took the bytes failed.');
}

async function receive(home: string): Promise<void> {
  const argv = [BANGER, 'vm', 'exec', NAME, '--', 'head', '-c', `${MEGABYTES}MB`, '/dev/zero'];
  const child = spawn(process.execPath, argv, {
    env: { ...process.env, BANGER_HOME: home },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let got = 0;
  child.stdout.on('data', (chunk: Buffer) => (got += chunk.length));
  await once(child, 'close');
  if (got !== MEGABYTES * 1_000_000) throw new Error(`${got} bytes came instead of ${MEGABYTES} MB.`);
}
