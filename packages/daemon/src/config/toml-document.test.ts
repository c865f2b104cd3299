import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readToml, TomlError } from './toml-document.ts';
import { validate } from './validate.ts';

/** Pieces that TOML is made of, so that random texts get far into it. */
const piece = fc.constantFrom(
  ...[
    'vm_defaults',
    'vcpu',
    'log_level',
    '[',
    ']',
    '[[',
    ']]',
    '{',
    '}',
    '=',
    '.',
    ',',
    '"',
    "'",
    '"""',
    '\n',
    ' ',
    '#',
    '\\',
    '1',
    '-',
    'e',
    ':',
    'T',
    'true',
    'inf',
    '__proto__',
    'constructor',
  ],
);

test('any text is read, refused key by key, or refused as no TOML', () => {
  const text = fc.oneof(
    fc.string(),
    fc.array(piece, { maxLength: 40 }).map((pieces) => pieces.join('')),
  );
  fc.assert(
    fc.property(text, (toml) => {
      try {
        const { problems } = validate(readToml(toml));
        for (const { line, column } of problems) expect(Math.min(line, column)).toBeGreaterThan(0);
      } catch (error) {
        expect(error).toBeInstanceOf(TomlError);
      }
    }),
    { numRuns: 2_000 },
  );
});

test.each(['a = ' + '['.repeat(60_000), 'a = ' + '{a='.repeat(20_000), `a${'.a'.repeat(30_000)}`])(
  'what is nested deeper than anybody nests is refused too: %.8s',
  (text) => {
    expect(() => readToml(text)).toThrow(TomlError);
  },
);

test('a path of any depth is refused by its first part', () => {
  const { problems } = validate(readToml(`a${'.a'.repeat(30_000)} = 1`));
  expect(problems).toMatchObject([
    { key: 'a', message: expect.stringContaining('there is no table a') as string },
  ]);
});
