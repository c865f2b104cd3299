import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { rawArguments, rawEnvironment } from './raw-words.ts';

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'banger-words-'));
  file = join(directory, 'words');
});
afterEach(() => rmSync(directory, { recursive: true }));

test('arguments that Node changed get their bytes back, and no others are looked up', () => {
  writeFileSync(file, Buffer.from('node\0--flag\0main.ts\0\0a\xff\0\xc3\xa9\0', 'latin1'));
  expect(rawArguments(['', 'a\ufffd', 'é'], file)).toEqual(['', 'a\udcff', 'é']);
  expect(rawArguments(['é'], '/no/where')).toEqual(['é']);
});

test('an argument that is U+FFFD stays it', () => {
  writeFileSync(file, 'node\0main.ts\0\ufffd\0');
  expect(rawArguments(['\ufffd'], file)).toEqual(['\ufffd']);
});

test('variables too; one that was set since is left alone', () => {
  writeFileSync(file, Buffer.from('A=x=\xff\0B=b\0', 'latin1'));
  expect(rawEnvironment({ A: 'x=\ufffd', B: 'b', C: '\ufffd' }, file)).toEqual({
    A: 'x=\udcff',
    B: 'b',
    C: '\ufffd',
  });
  const env = { A: 'a' };
  expect(rawEnvironment(env, '/no/where')).toBe(env);
});
