/** How an image wants to be used, as its makers said; empty where they said nothing. A VM keeps what its image said when it was made. */
export interface ImageDefaults {
  /** The image has a shell. */
  readonly shell: boolean;
  /** As `NAME=value`, but nothing of it has been checked. */
  readonly env: readonly string[];
  readonly cwd: string;
  /** A name or number, optionally `:group`. */
  readonly user: string;
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
}

/** Of an image that says nothing, as those that are built from a recipe. */
export const noImageDefaults: ImageDefaults = {
  shell: true,
  env: [],
  cwd: '',
  user: '',
  entrypoint: [],
  cmd: [],
};
