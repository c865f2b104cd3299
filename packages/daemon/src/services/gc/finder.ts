/** Something of ours on the host that nothing stands for: no VM, no call at work. */
export interface FoundOrphan {
  /** Stable, as `vmm`. */
  readonly kind: string;
  /** What it is, for a person. */
  readonly what: string;
  /** Id of the VM that it was made for; absent when it was for none. */
  readonly vm?: string;
  /** Milliseconds since 1970; when it was made or last written to. */
  readonly since: number;
  /** What removing it is, for a person. */
  readonly action: string;
  /** True for what a person may still want back: it is removed only when somebody asks for it. */
  readonly wanted?: boolean;
  /** Removes it; false, and nothing is done, when something has come to stand for it meanwhile. */
  readonly remove: () => Promise<boolean>;
}

/** Finds the orphans of one kind. */
export interface OrphanFinder {
  /** What it looks for, for a person, in the plural. */
  readonly title: string;
  find(): Promise<readonly FoundOrphan[]>;
}
