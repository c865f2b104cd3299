import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProtocolFault } from './errors.ts';
import { LineReader } from './line-reader.ts';

function readAll(reader: LineReader): string[] {
  const lines: string[] = [];
  for (let line = reader.next(); line !== undefined; line = reader.next())
    lines.push(line.toString('latin1'));
  return lines;
}

describe('LineReader', () => {
  test('gives the lines and the rest of any text, however it is cut', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '\n'), maxLength: 100 });
    fc.assert(
      fc.property(fc.array(text), (chunks) => {
        const reader = new LineReader(10_000);
        const lines: string[] = [];
        for (const chunk of chunks) {
          reader.push(Buffer.from(chunk));
          lines.push(...readAll(reader));
        }
        const parts = chunks.join('').split('\n');
        expect([...lines, reader.rest().toString()]).toEqual(parts);
      }),
    );
  });

  test('gives the rest of chunks that it has not looked at', () => {
    const reader = new LineReader(100);
    reader.push(Buffer.from('a\nb'));
    reader.push(Buffer.from('c\nd'));
    expect(reader.next()?.toString()).toBe('a');
    expect(reader.rest().toString()).toBe('bc\nd');
    expect(reader.next()).toBeUndefined();
  });

  test('keeps lines apart that were handed out before', () => {
    const reader = new LineReader(100);
    for (const piece of ['a', 'b\n', 'c', 'd\n']) reader.push(Buffer.from(piece));
    const lines = [reader.next(), reader.next()];
    expect(lines.map((line) => line?.toString())).toEqual(['ab', 'cd']);
  });

  test.each([
    ['at once', ['x'.repeat(11)]],
    ['in pieces', ['xxxxx', 'xxxxx', 'x']],
    ['with its end', [`${'x'.repeat(11)}\n`]],
  ])('refuses a line over the limit, %s', (_name, chunks) => {
    const reader = new LineReader(10);
    for (const chunk of chunks) reader.push(Buffer.from(chunk));
    expect(() => reader.next()).toThrow(ProtocolFault);
  });

  test('takes a line of the limit', () => {
    const reader = new LineReader(10);
    reader.push(Buffer.from(`${'x'.repeat(10)}\n`));
    expect(reader.next()).toHaveLength(10);
  });
});
