import { createHash } from 'node:crypto';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Everything that the artifact is made from, and nothing else: tests and documents change no behaviour. */
const SOURCES = [
  'package.json',
  'package-lock.json',
  'packages/*/package.json',
  'packages/*/src/**/*.ts',
  '{guest,netguard}/Makefile',
  '{guest,netguard}/src/**/*.{c,h}',
  'scripts/build/*.ts',
];
/** Hex digits of the hash kept: 48 bits are plenty to tell builds apart. */
const HASH_DIGITS = 12;

/**
 * The build id: a hash over names and bytes of the sources, so that the same tree gives the same id on any machine at
 * any time, in any commit.
 */
export function buildId(root: string): string {
  const files = globSync(SOURCES, { cwd: root }).filter((file) => !file.endsWith('.test.ts'));
  const hash = createHash('sha256');
  for (const file of files.toSorted()) {
    const bytes = readFileSync(join(root, file));
    hash.update(`${file}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest('hex').slice(0, HASH_DIGITS);
}
