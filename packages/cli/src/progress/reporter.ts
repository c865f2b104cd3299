import type { Progress } from '@banger/contract/progress';

/** One call that is followed. */
export interface Task {
  progress(event: Progress): void;
  /** The call is over, well or not. Harmless twice. */
  end(): void;
}

/** Where progress, notices and warnings go: standard error, in the form that suits it. */
export interface Reporter {
  /**
   * Follows a call; `label` is shown until its first stage is known. With `handsOver`, somebody else's words follow at its end, such as
   * those of a command in a VM, which whoever reads a pipe does not want to find behind a line of ours.
   */
  follow(label: string, options?: { readonly handsOver: boolean }): Task;
  notice(text: string): void;
  warning(text: string): void;
  /** A line of text that stays, such as an error; put where no live line is. */
  line(text: string): void;
  /** Takes every live line away, so that somebody else can write. */
  clear(): void;
}
