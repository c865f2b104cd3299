import type { Progress } from '@banger/contract/progress';

/** One call that is followed. */
export interface Task {
  progress(event: Progress): void;
  /** The call is over, well or not. Harmless twice. */
  end(): void;
}

/** Where progress, notices and warnings go: standard error, in the form that suits it. */
export interface Reporter {
  /** Follows a call; `label` is shown until its first stage is known. */
  follow(label: string): Task;
  notice(text: string): void;
  warning(text: string): void;
  /** A line of text that stays, such as an error; put where no live line is. */
  line(text: string): void;
  /** Takes every live line away, so that somebody else can write. */
  clear(): void;
}
