const UNITS = ['K', 'M', 'G', 'T'] as const;
const KIB = 1024;

/** A size as people write it: digits, and perhaps a unit, as `8G`, `512MiB`, `2048`. No zod here: the CLI reads sizes. */
const SIZE = /^(\d{1,15})(?:([KMGT])(?:iB)?)?$/i;

/** A size that was read: a count of units of so many bytes; `unitBytes` is undefined where none was written. */
export interface WrittenSize {
  readonly count: number;
  readonly unitBytes: number | undefined;
}

/** Reads a size; undefined when it is none. Units are powers of 1024. */
export function readSize(text: string): WrittenSize | undefined {
  const match = SIZE.exec(text);
  if (match === null) return undefined;
  const unit = UNITS.findIndex((letter) => letter === match[2]?.toUpperCase());
  return { count: Number(match[1]), unitBytes: unit < 0 ? undefined : KIB ** (unit + 1) };
}

/** Bytes in the largest unit that says them exactly, as `readSize` takes them: `8G`, `1536M`. Below 1 KiB, or odd: `1000 bytes`. */
export function sizeText(bytes: number): string {
  const unit = UNITS.findLastIndex((_, index) => bytes >= KIB && bytes % KIB ** (index + 1) === 0);
  return unit < 0 ? `${bytes} bytes` : `${bytes / KIB ** (unit + 1)}${UNITS[unit]}`;
}
