import type { TomlValue } from './toml-document.ts';

/** A key of `config.toml`. */
export interface Key<T> {
  /** What it decides, for `docs/configuration.md`. */
  readonly summary: string;
  /** What holds without it, for people. */
  readonly otherwise: string;
  /** What a value must be, as the rest of a sentence. */
  readonly must: string;
  /** The value; undefined when it is not what it must be. */
  readonly read: (value: TomlValue) => T | undefined;
  /** The value as one would write it in the file. */
  readonly write: (value: T) => string | number;
}
