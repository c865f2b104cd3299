import { program } from './program.ts';
import { median, percentile } from './statistics.ts';

/** What one benchmark found. Times in milliseconds. */
export interface Result {
  readonly name: string;
  /** What was compared with what. */
  readonly what: string;
  readonly n: number;
  /** Figures by name; those that `budget.json` names have a ceiling. */
  readonly figures: Readonly<Record<string, number>>;
  /** Every single value, by side, in the order measured. */
  readonly values: Readonly<Record<string, readonly number[]>>;
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
  /** How large the image of `image-pull` is, 1 for a measurement. */
  readonly scale: number;
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
 * Measures several ways to do a thing turn and turn about, so that a machine that is busy for a while is so for all of
 * them. Who begins changes from round to round, and once all have begun it goes backwards, because whoever comes next may profit or suffer
 * from the one before; what that one has left to be written is written first. The first round is thrown away, it fills caches.
 */
export async function takeTurns<Side extends string>(
  rounds: number,
  sides: Readonly<Record<Side, () => Promise<number>>>,
  say: (line: string) => void,
): Promise<Record<Side, number[]>> {
  const names = Object.keys(sides) as Side[];
  const values = Object.fromEntries(names.map((name) => [name, []])) as unknown as Record<Side, number[]>;
  for (let round = 0; round <= rounds; round += 1) {
    const first = round % names.length;
    const rotated = [...names.slice(first), ...names.slice(0, first)];
    const seen: string[] = [];
    for (const name of Math.floor(round / names.length) % 2 === 0 ? rotated : rotated.toReversed()) {
      await program(['sync']);
      const value = await sides[name]();
      if (round > 0) values[name].push(value);
      seen.push(`${name} ${Math.round(value)}`);
    }
    say(`  ${round === 0 ? 'to warm up' : `round ${round} of ${rounds}`}: ${seen.join(', ')} ms`);
  }
  return values;
}

/** Median and 95th percentile of each side in milliseconds, as `oursMs` and `oursP95Ms`. */
export function summary(values: Readonly<Record<string, readonly number[]>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(values).flatMap(([side, times]) => [
      [`${side}Ms`, median(times)],
      [`${side}P95Ms`, percentile(times, 0.95)],
    ]),
  );
}

/**
 * How many times longer ours takes than the bare thing: the median of what each round says. A machine that is half as fast for a while, as
 * virtual ones are, mostly is so for both sides of a round; the ratio of the sides' medians may be that of two such moods.
 */
export function ratio(ours: readonly number[], bare: readonly number[]): number {
  return median(ours.map((value, round) => value / (bare[round] ?? NaN)));
}
