import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rawBytes, rawText } from './raw-text.ts';

describe('raw text', () => {
  test('gives any bytes back, also through JSON', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const text = JSON.parse(JSON.stringify(rawText(bytes))) as string;
        expect(Buffer.from(rawBytes(text))).toEqual(Buffer.from(bytes));
      }),
    );
  });

  test('of UTF-8 is the text itself', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('a', '\0', 'é', '€', '\ufeff', '\ufffd', '😀') }),
        (text) => {
          expect(rawText(Buffer.from(text))).toBe(text);
          expect(Buffer.from(rawBytes(text))).toEqual(Buffer.from(text));
        },
      ),
    );
    expect(rawText(Buffer.from('\ufeffa'))).toBe('\ufeffa');
  });

  test('has one surrogate for each other byte', () => {
    expect(rawText(Buffer.from([0x61, 0xff, 0xe2, 0x82, 0xc3, 0xa9]))).toBe('a\udcff\udce2\udc82é');
    // An encoded surrogate is no UTF-8 (RFC 3629, section 3), or two texts would have the same bytes.
    expect(rawText(Buffer.from([0xed, 0xb2, 0x80]))).toBe('\udced\udcb2\udc80');
  });

  test('refuses what stands for no byte', () => {
    for (const text of ['\ud800', 'a\udc7f', '\udd00b'])
      expect(() => rawBytes(text)).toThrow(expect.objectContaining({ code: 'invalid_argument' }));
  });
});
