import { expect, it } from 'vitest';
import { hashSeed, nameHash } from './half-md4.ts';

const NO_SEED = hashSeed(Buffer.alloc(16));
const SEED = hashSeed(Buffer.alloc(16, 9));
const LONG = 'abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ';

it.each([
  { name: 'a', seed: NO_SEED, hash: 0xd5fa7d7a },
  { name: 'hello.txt', seed: NO_SEED, hash: 0xa26e1d86 },
  { name: LONG, seed: NO_SEED, hash: 0x28870694 },
  { name: 'caf\xe9', seed: NO_SEED, hash: 0x9be4a372 },
  { name: 'a', seed: SEED, hash: 0xa6be170e },
  { name: 'hello.txt', seed: SEED, hash: 0xeda744ce },
  { name: LONG, seed: SEED, hash: 0xebb94928 },
])('of $name is what dx_hash of debugfs gives', ({ name, seed, hash }) => {
  const bytes = Buffer.from(`<${name}>`, 'latin1');
  expect(nameHash(bytes, 1, bytes.length - 1, seed)).toBe(hash);
});
