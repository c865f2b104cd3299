import { median, percentile } from './statistics.ts';

/** What one benchmark found. Times in milliseconds. */
export interface Result {
  readonly name: string;
  /** What was compared with what. */
  readonly what: string;
  readonly n: number;
  /** Figures by name; `ratio` is held against the budget where it has an entry of that name. */
  readonly figures: Readonly<Record<string, number>>;
}

/** One benchmark. */
export interface Benchmark {
  readonly name: string;
  /** Rounds unless told otherwise on the command line. */
  readonly rounds: number;
  run(context: BenchContext, rounds: number): Promise<Result>;
}

/** What benchmarks work with. */
export interface BenchContext {
  /** A `BANGER_HOME` with image and kernel in it. */
  readonly home: string;
  /** Says how far it has come. */
  readonly say: (line: string) => void;
}

/** Milliseconds that some work took. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const begun = performance.now();
  await work();
  return performance.now() - begun;
}

/**
 * Compares two ways to do a thing: turn and turn about, so that a machine that is busy for a while is so for both, and the
 * first pair thrown away, which fills caches. The ratio is that of the medians.
 */
export async function compare(
  rounds: number,
  ours: () => Promise<number>,
  bare: () => Promise<number>,
  say: (line: string) => void,
): Promise<{
  readonly ours: readonly number[];
  readonly bare: readonly number[];
  readonly figures: Record<string, number>;
}> {
  const times = { ours: [] as number[], bare: [] as number[] };
  for (let round = 0; round <= rounds; round += 1) {
    // The order changes too: whoever comes second may profit or suffer from the first.
    const pair = { ours: 0, bare: 0 };
    const order = round % 2 === 0 ? (['bare', 'ours'] as const) : (['ours', 'bare'] as const);
    for (const side of order) pair[side] = await (side === 'ours' ? ours() : bare());
    if (round === 0) continue;
    times.ours.push(pair.ours);
    times.bare.push(pair.bare);
    say(`  round ${round} of ${rounds}: ours ${Math.round(pair.ours)} ms, bare ${Math.round(pair.bare)} ms`);
  }
  const [oursMs, bareMs] = [median(times.ours), median(times.bare)];
  return {
    ...times,
    figures: {
      oursMs,
      bareMs,
      ratio: oursMs / bareMs,
      oursP95Ms: percentile(times.ours, 0.95),
      bareP95Ms: percentile(times.bare, 0.95),
    },
  };
}
