/** A word that can stand at the cursor, and what it is. */
export interface Candidate {
  readonly value: string;
  readonly description: string;
}

/** What a shell is answered: words, or that a file of this machine is meant. */
export interface Answer {
  readonly candidates: readonly Candidate[];
  readonly files: boolean;
}
