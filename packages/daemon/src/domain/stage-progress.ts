/** How far a slow driver call has come; the service adds the operation. */
export interface StageProgress {
  /** What is being done, as `Installing packages`. */
  readonly stage: string;
  readonly detail?: string;
  readonly done?: number;
  readonly total?: number;
  readonly unit?: 'bytes' | 'steps';
  /** How far one of several things of the stage has come that are done side by side; `done` and `total` are of all of them. */
  readonly part?: { readonly name: string; readonly done: number; readonly total: number };
  /** `stage` unless told: `notice` is worth a line of its own, `warning` says what could not be done. */
  readonly level?: 'stage' | 'notice' | 'warning';
}

/** What a slow driver call gets from its caller. */
export interface StageContext {
  /** Ends the call with `cancelled`; nothing is left behind. */
  readonly signal: AbortSignal;
  readonly onProgress: (progress: StageProgress) => void;
}
