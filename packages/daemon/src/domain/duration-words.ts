const UNITS = [
  [86_400_000, 'd'],
  [3_600_000, 'h'],
  [60_000, 'min'],
  [1_000, 's'],
] as const;

/** A duration in its largest units, as `2 h`, `1 h 30 min`; what is under a second is left out. */
export function durationWords(ms: number): string {
  const words: string[] = [];
  let rest = ms;
  for (const [size, name] of UNITS) {
    const count = Math.floor(rest / size);
    if (count > 0) words.push(`${count} ${name}`);
    rest -= count * size;
  }
  return words.length === 0 ? '0 s' : words.slice(0, 2).join(' ');
}
