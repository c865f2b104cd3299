import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { SparseContent } from './sparse-content.ts';

/** stat(2): whatever the block of the file system is. */
const STAT_BLOCK_BYTES = 512;

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'banger-sparse-'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** The pieces as a file: its content, and the bytes that it takes of the disk. */
function written(pieces: readonly Uint8Array[]): { content: Buffer; taken: number } {
  const path = join(root, 'f');
  const fd = openSync(path, 'w');
  const content = new SparseContent(fd);
  for (const piece of pieces) content.write(piece);
  content.end();
  closeSync(fd);
  return { content: readFileSync(path), taken: statSync(path).blocks * STAT_BLOCK_BYTES };
}

test('zeros take no room, wherever they are, and however they come', () => {
  const bytes = Buffer.alloc(1024 * 1024);
  bytes[300_000] = 1;
  bytes[700_000] = 2;
  const pieces = Array.from({ length: 17 }, (_, n) => bytes.subarray(n * 65_531, (n + 1) * 65_531));
  const { content, taken } = written(pieces);
  expect(content.equals(bytes)).toBe(true);
  expect(taken).toBeLessThanOrEqual(32 * 1024);
  expect(written([Buffer.alloc(100_000)])).toMatchObject({ content: Buffer.alloc(100_000), taken: 0 });
  expect(written([]).content).toHaveLength(0);
});

test('whatever comes in whatever pieces is what the file has', () => {
  const piece = fc.oneof(
    fc.nat(10_000).map((size) => Buffer.alloc(size)),
    fc.uint8Array({ maxLength: 5_000 }),
    fc.tuple(fc.nat(9_000), fc.nat(9_000)).map(([before, after]) => {
      const bytes = Buffer.alloc(before + 1 + after);
      bytes[before] = 7;
      return bytes;
    }),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      expect(written(pieces).content.equals(Buffer.concat(pieces))).toBe(true);
    }),
  );
});
