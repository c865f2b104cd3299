/** A value that stands in the file, and the line. */
export interface Written<T> {
  readonly value: T;
  readonly line: number;
}
