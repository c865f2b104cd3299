import fc from 'fast-check';
import { expect, it } from 'vitest';
import { LineSplitter } from './line-splitter.ts';

it('finds the same lines however the bytes are cut', () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ unit: 'grapheme', maxLength: 20 }).map((line) => line.replaceAll(/[\r\n]/g, ''))),
      fc.array(fc.nat(40)),
      (lines, cuts) => {
        const bytes = Buffer.from(
          lines.map((line, index) => `${line}${index % 2 === 0 ? '\n' : '\r\n'}`).join(''),
        );
        const splitter = new LineSplitter(1000);
        const found: string[] = [];
        let at = 0;
        for (const cut of [...cuts, bytes.length]) {
          found.push(...splitter.push(bytes.subarray(at, at + cut)));
          at += cut;
        }
        expect(found).toEqual(lines);
      },
    ),
  );
});

it('takes a line of the limit and refuses one byte more, also when it never ends', () => {
  expect(new LineSplitter(4).push(Buffer.from('abcd\n'))).toEqual(['abcd']);
  expect(() => new LineSplitter(4).push(Buffer.from('abcde\n'))).toThrow(RangeError);
  const splitter = new LineSplitter(4);
  splitter.push(Buffer.from('ab'));
  splitter.push(Buffer.from('cd'));
  expect(() => splitter.push(Buffer.from('e'))).toThrow(RangeError);
});
