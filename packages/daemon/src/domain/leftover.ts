/** Something half-made that a killed daemon left, and that no call works on now. */
export interface Leftover {
  /** What it is, for a person: `staging directory /…/.staging-x`. */
  readonly what: string;
  /** What `remove` does with it, for a person. */
  readonly action: 'delete it' | 'put it back';
  /** Milliseconds since 1970; when it was last written to. */
  readonly since: number;
  /** Harmless when it is gone, and when a call has come to work on it meanwhile. */
  readonly remove: () => Promise<void>;
}
