type Numbers = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float64Array;

/** By how much a full column grows: less than twice, since the old one is there until all is copied. */
const GROWTH = 1.5;

/** A copy of a column of numbers with room for more, zeros behind what was there. */
export function grown<T extends Numbers>(column: T): T {
  const Column = column.constructor as new (length: number) => T;
  const larger = new Column(Math.ceil(column.length * GROWTH));
  larger.set(column);
  return larger;
}
