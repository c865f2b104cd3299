/** One step of `make test`: a check, which counts as one, or a run of vitest, which counts its tests. */
export interface Stage {
  /** Names it on the command line and in the table. */
  readonly name: string;
  /** What it finds out, for the table. */
  readonly what: string;
  /** Program and arguments, run in the root of the checkout with the programs of node_modules at hand. */
  readonly command: readonly [program: string, ...argv: string[]];
  /** The command is a run of vitest: its tests are counted, not the command. */
  readonly vitest?: true;
  /** Keeps one core busy and changes nothing: it runs at the same time as neighbours of which that is true as well. */
  readonly beside?: true;
  /** Stages without which this one says nothing new; when one of them failed, it fails without being run. */
  readonly needs?: readonly string[];
}

/** A test or check that was not run, and why. */
export interface Skip {
  readonly name: string;
  readonly reason: string;
}

/** What a stage came to. */
export interface Outcome {
  readonly passed: number;
  /** What failed, one entry each, named for a person. */
  readonly failures: readonly string[];
  readonly skips: readonly Skip[];
}
