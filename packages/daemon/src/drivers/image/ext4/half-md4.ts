/** What the hash starts from when the file system has no seed: the start of MD4 (RFC 1320). */
const MD4_START = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476] as const;
/** Constants of the second and the third round (RFC 1320). */
const ROUND_2 = 0x5a827999;
const ROUND_3 = 0x6ed9eba1;
/** Bytes of a name that one transform takes. */
const CHUNK_BYTES = 32;
const WORDS = CHUNK_BYTES / 4;
/** The kernel keeps the highest hash for the end of a directory. */
const END_OF_DIRECTORY = 0xfffffffe;

/** The seed of a file system's directory hashes, four words. */
export type HashSeed = readonly [number, number, number, number];

export function hashSeed(bytes: Buffer): HashSeed {
  return [bytes.readUInt32LE(0), bytes.readUInt32LE(4), bytes.readUInt32LE(8), bytes.readUInt32LE(12)];
}

/**
 * The half MD4 of a name by which ext4 sorts a directory, its bytes taken as signed (Documentation/filesystems/ext4/directory.rst,
 * superblock flag 0x1). The lowest bit is free: an index uses it to tell that a hash goes on from the block before.
 */
export function nameHash(name: Buffer, from: number, to: number, seed: HashSeed): number {
  const [a, b, c, d] = seed.some((word) => word !== 0) ? seed : MD4_START;
  state[0] = a;
  state[1] = b;
  state[2] = c;
  state[3] = d;
  for (let at = from; at < to; at += CHUNK_BYTES) {
    fillWords(name, at, to);
    transform();
  }
  const hash = ((state[1] ?? 0) & ~1) >>> 0;
  return hash === END_OF_DIRECTORY ? END_OF_DIRECTORY - 2 : hash;
}

const state = new Int32Array(4);
const words = new Int32Array(WORDS);

/** Packs up to 32 bytes big-endian, sign and all; what is missing is filled with the length that was left. */
function fillWords(name: Buffer, from: number, to: number): void {
  const left = to - from;
  const padding = Math.imul(left, 0x01010101);
  const end = Math.min(to, from + CHUNK_BYTES);
  let at = from;
  for (let word = 0; word < WORDS; word += 1) {
    let value = padding;
    for (let n = 0; n < 4 && at < end; n += 1, at += 1)
      value = (((name[at] ?? 0) << 24) >> 24) + (value << 8);
    words[word] = value;
  }
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by));
}

/** The schedule of each round: the order of the words and the four shifts. */
const ROUNDS = [
  { order: [0, 1, 2, 3, 4, 5, 6, 7], shifts: [3, 7, 11, 19], add: 0 },
  { order: [1, 3, 5, 7, 0, 2, 4, 6], shifts: [3, 5, 9, 13], add: ROUND_2 },
  { order: [3, 7, 2, 6, 1, 5, 0, 4], shifts: [3, 9, 11, 15], add: ROUND_3 },
] as const;

function mix(round: number, x: number, y: number, z: number): number {
  if (round === 0) return z ^ (x & (y ^ z));
  if (round === 1) return (x & y) + ((x ^ y) & z);
  return x ^ y ^ z;
}

function transform(): void {
  let a = state[0] ?? 0;
  let b = state[1] ?? 0;
  let c = state[2] ?? 0;
  let d = state[3] ?? 0;
  for (let round = 0; round < ROUNDS.length; round += 1) {
    const { order, shifts, add } = ROUNDS[round] ?? ROUNDS[0];
    for (let step = 0; step < WORDS; step += 1) {
      const sum = (a + mix(round, b, c, d) + (words[order[step] ?? 0] ?? 0) + add) | 0;
      a = d;
      d = c;
      c = b;
      b = rotate(sum, shifts[step & 3] ?? 0);
    }
  }
  state[0] = (state[0] ?? 0) + a;
  state[1] = (state[1] ?? 0) + b;
  state[2] = (state[2] ?? 0) + c;
  state[3] = (state[3] ?? 0) + d;
}
