/** How much a soak does. */
export interface SoakSize {
  /** Rounds of create, run, delete. */
  readonly rounds: number;
  /** Commands in one VM. */
  readonly execs: number;
  /** Rounds of write, stop, start, for each image. */
  readonly writes: number;
}

/** The short form shows that the tests work and finds what leaks at every round; the long one what leaks now and then. */
export const soakSize: SoakSize =
  process.env['BANGER_SOAK'] === 'long'
    ? { rounds: 100, execs: 1_000, writes: 20 }
    : { rounds: 1, execs: 10, writes: 2 };
