import fc from 'fast-check';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { BangerError } from '@banger/contract/error';
import { describe, expect, test } from 'vitest';
import { ConsoleFilter } from './console-filter.ts';
import { errorText } from './error.ts';
import { escapeLines, escapeText } from './escape.ts';
import { jsonText } from './json.ts';
import { logLine } from './log-lines.ts';
import { bytesText, durationText, sinceText } from './units.ts';
import { cut, widthOf } from './width.ts';

const UNSAFE = /(?!\n)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom('\x1b', '[', '3', '1', 'm', 'J', '\r', '\n', '\t', '\x9b', '\u202e', 'a', 'é'),
  }),
);

describe('escaping', () => {
  test('shows what a terminal would act on', () => {
    expect(escapeText('a\x1b[31mb\r\n\tc\x9b\u202e\x00')).toBe('a\\x1b[31mb\\r\\n\\tc\\x9b\\u{202e}\\x00');
    expect(escapeLines('a\nb\x07')).toBe('a\nb\\x07');
    expect(escapeText('plain äöü 漢字 🙂')).toBe('plain äöü 漢字 🙂');
  });

  test('leaves nothing unsafe in any text', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        expect(escapeText(text)).not.toMatch(UNSAFE);
        expect(escapeText(text)).not.toContain('\n');
        expect(escapeLines(text)).not.toMatch(UNSAFE);
        expect(jsonText(text)).not.toMatch(UNSAFE);
        expect(JSON.parse(jsonText(text))).toBe(text);
      }),
    );
  });
});

describe('a console on a terminal', () => {
  const filter = async (...chunks: readonly (string | Buffer)[]): Promise<string> =>
    (
      await buffer(Readable.from(chunks.map((chunk) => Buffer.from(chunk))).pipe(new ConsoleFilter()))
    ).toString();

  test('loses its colours, and shows the rest', async () => {
    expect(await filter('[\x1b[0;32m  OK  \x1b[0m] up\r\n\x1b[2Jx\x1b]0;title\x07')).toBe(
      '[  OK  ] up\n\\x1b[2Jx\\x1b]0;title\\x07',
    );
  });

  test('is the same wherever the chunks are cut', async () => {
    const text = 'é\x1b[1;31mred\x1b[0m\r\r\nx\ry\x1b[K漢\x1b';
    const whole = await filter(text);
    const bytes = Buffer.from(text);
    for (let at = 0; at <= bytes.length; at += 1) {
      expect(await filter(bytes.subarray(0, at), bytes.subarray(at))).toBe(whole);
    }
    expect(await filter(...[...bytes].map((byte) => Buffer.of(byte)))).toBe(whole);
  });

  test('never lets anything unsafe through', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array()), anyText, async (chunks, text) => {
        const shown = await filter(...chunks.map((chunk) => Buffer.from(chunk)), text);
        expect(shown.replaceAll('\t', '')).not.toMatch(UNSAFE);
      }),
    );
  });
});

describe('units', () => {
  test.each([
    [0, '0 B'],
    [1023, '1023 B'],
    [1024, '1 KiB'],
    [47_395_635, '45.2 MiB'],
    [8 * 1024 ** 3, '8 GiB'],
    [250 * 1024 ** 4, '250 TiB'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(bytesText(bytes)).toBe(text);
  });

  test.each([
    [0, '0.0 s'],
    [432, '0.4 s'],
    [12_345, '12 s'],
    [59_700, '1 min'],
    [123_000, '2 min 3 s'],
    [3_600_000, '1 h'],
    [90_061_000, '1 d 1 h'],
  ])('%d ms are %s', (ms, text) => {
    expect(durationText(ms)).toBe(text);
  });

  test('a time in the future, or none, is no surprise', () => {
    expect(sinceText('2099-01-01T00:00:00Z', 0)).toBe('0.0 s');
    expect(sinceText('never', 0)).toBe('');
  });
});

describe('width', () => {
  test.each([
    ['abc', 3],
    ['漢字', 4],
    ['é', 1],
    ['e\u0301', 1],
    ['\x1b[31mred\x1b[39m', 3],
  ])('of %j is %d', (text, width) => {
    expect(widthOf(text)).toBe(width);
  });

  test('cut text is never wider than it may be', () => {
    expect(cut('debian-bookworm', 8)).toBe('debian-…');
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.nat(40), (text, columns) => {
        expect(widthOf(cut(escapeText(text), columns))).toBeLessThanOrEqual(columns);
      }),
    );
  });
});

describe('errors', () => {
  test('have code, message and hint, with what guests said escaped', () => {
    const error = new BangerError('vmm_failed', 'QEMU said:\n\x1b[2Jboom\n', { hint: 'Look.' });
    expect(errorText(error, false)).toBe('error[vmm_failed]: QEMU said:\n  \\x1b[2Jboom\nhint: Look.');
    expect(errorText(new BangerError('cancelled', 'No.', { hint: '' }), false)).toBe('error[cancelled]: No.');
    const daemons = new BangerError('cancelled', 'No.', { hint: '', details: { operation: '3f9c' } });
    expect(errorText(daemons, false)).toBe('error[cancelled]: No.\noperation: 3f9c');
    expect(errorText(error, true)).toContain('\x1b[31merror[vmm_failed]:\x1b[39m');
  });
});

describe('log lines', () => {
  test('are read out', () => {
    const line =
      '{"level":30,"time":1769860800000,"pid":1,"hostname":"h","msg":"VM started","vm":"box","ms":12,"op":"a b"}';
    expect(logLine(line)).toBe('2026-01-31T12:00:00.000Z info  VM started vm=box ms=12 op="a b"');
  });

  test.each(['', 'no json \x1b[2J', '[1]', 'null', '{"level":"x"}', '{"time":1e99,"msg":{}}'])(
    '%j is no danger',
    (line) => {
      expect(logLine(line)).not.toMatch(UNSAFE);
    },
  );
});
