/** How much of a known word may differ before it is no likely meaning of another. */
const MOST_DIFFERENT = 0.4;

/** The known word that a wrong one most likely stands for; undefined when none is near. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const ranked = known
    .map((candidate) => ({ candidate, distance: edits(word, candidate) }))
    .filter(({ candidate, distance }) => distance <= Math.max(2, candidate.length * MOST_DIFFERENT))
    .toSorted((a, b) => a.distance - b.distance);
  return ranked[0]?.candidate;
}

/** Characters to insert, remove or replace to make one word of the other (Levenshtein 1966). */
function edits(a: string, b: string): number {
  // A word that is much longer is none of them, and its table would be large.
  if (Math.abs(a.length - b.length) > b.length) return Infinity;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      next.push(Math.min((next[j - 1] ?? 0) + 1, (row[j] ?? 0) + 1, (row[j - 1] ?? 0) + same));
    }
    row = next;
  }
  return row[b.length] ?? Infinity;
}
