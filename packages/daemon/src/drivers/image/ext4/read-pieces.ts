/** Given out at once. */
const PIECE_BYTES = 1024 ** 2;
const ZEROS = Buffer.alloc(PIECE_BYTES);

/** So many zeros, in pieces. */
export function* zeros(bytes: number): Generator<Buffer, void, void> {
  for (let left = bytes; left > 0; left -= PIECE_BYTES) yield ZEROS.subarray(0, Math.min(left, PIECE_BYTES));
}

/** The names on a path, bytes as characters, in order. */
export function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '' && name !== '.');
}
