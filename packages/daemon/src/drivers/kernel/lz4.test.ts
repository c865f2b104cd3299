import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { expandLz4Legacy } from './lz4.ts';

const MAX = 64 * 1024 * 1024;

function frame(...blocks: readonly Uint8Array[]): Buffer {
  const parts = [Buffer.from('02214c18', 'hex')];
  for (const block of blocks) {
    const size = Buffer.alloc(4);
    size.writeUInt32LE(block.length);
    parts.push(size, Buffer.from(block));
  }
  return Buffer.concat(parts);
}

function lengthBytes(length: number): number[] {
  if (length < 15) return [];
  const rest = length - 15;
  return [...Array<number>(Math.floor(rest / 255)).fill(255), rest % 255];
}

/** A block of the given literals, then a match, then the literals that must end every block. */
function block(literals: Buffer, match: { offset: number; length: number } | undefined, end: Buffer): Buffer {
  const parts: Buffer[] = [];
  const sequence = (text: Buffer, matched: { offset: number; length: number } | undefined): void => {
    const extra = matched === undefined ? 0 : matched.length - 4;
    parts.push(
      Buffer.from([(Math.min(15, text.length) << 4) | Math.min(15, extra), ...lengthBytes(text.length)]),
    );
    parts.push(text);
    if (matched !== undefined)
      parts.push(Buffer.from([matched.offset & 255, matched.offset >> 8, ...lengthBytes(extra)]));
  };
  if (match !== undefined) sequence(literals, match);
  sequence(match === undefined ? Buffer.concat([literals, end]) : end, undefined);
  return Buffer.concat(parts);
}

describe('LZ4 legacy frames', () => {
  test('matches that overlap themselves repeat what they wrote', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 400 }),
        fc.integer({ min: 4, max: 2000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.uint8Array({ maxLength: 300 }),
        (start, length, where, end) => {
          const offset = 1 + Math.floor(where * (start.length - 1));
          const wanted = [...start];
          for (let i = 0; i < length; i += 1) wanted.push(wanted[wanted.length - offset] ?? 0);
          wanted.push(...end);
          const packed = frame(block(Buffer.from(start), { offset, length }, Buffer.from(end)));
          expect(expandLz4Legacy(packed, MAX)).toEqual(Buffer.from(wanted));
        },
      ),
    );
  });

  test('a full block is followed by the next one, a short one and what is appended ends the frame', () => {
    const full = Buffer.alloc(8 * 1024 * 1024, 'x');
    const packed = frame(
      block(Buffer.from('x'), { offset: 1, length: full.length - 6 }, Buffer.from('xxxxx')),
      block(Buffer.alloc(0), undefined, Buffer.from('the end')),
    );
    const expanded = expandLz4Legacy(Buffer.concat([packed, Buffer.from([1, 2, 3, 4])]), MAX);
    expect(expanded.equals(Buffer.concat([full, Buffer.from('the end')]))).toBe(true);
  });

  test('any bytes give an error or an output within the limit', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.integer({ min: 0, max: 5000 }), (bytes, limit) => {
        try {
          expect(expandLz4Legacy(frame(bytes), limit).length).toBeLessThanOrEqual(limit);
        } catch (error) {
          expect(error).toBeInstanceOf(Error);
          expect((error as Error).message).toMatch(/LZ4/);
        }
      }),
    );
  });

  test('a bomb stops at the limit', () => {
    const bomb = block(Buffer.from('x'), { offset: 1, length: 8 * 1024 * 1024 - 6 }, Buffer.from('xxxxx'));
    expect(() => expandLz4Legacy(frame(bomb), 4096)).toThrow('out of bounds');
  });

  test('what is no legacy frame is refused', () => {
    expect(() => expandLz4Legacy(readFileSync(import.meta.filename), MAX)).toThrow('no LZ4');
    expect(() => expandLz4Legacy(Buffer.from('02214c18ffffffff00', 'hex'), MAX)).toThrow('past the end');
  });
});
