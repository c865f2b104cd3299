import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { consoleTail, printableLines } from './console.ts';

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'banger-console-'))));
afterEach(() => rmSync(directory, { recursive: true }));

test('a console that was never written is empty', async () => {
  expect(await consoleTail(join(directory, 'none'))).toEqual([]);
});

test('the last lines of a long console are told, empty ones left out', async () => {
  const path = join(directory, 'console.log');
  const lines = Array.from({ length: 5000 }, (_, n) => `line ${n}\r\n\r\n`);
  writeFileSync(path, lines.join(''));
  expect(await consoleTail(path, 3)).toEqual(['line 4997', 'line 4998', 'line 4999']);
});

test('what would move a cursor, set a title or colour a terminal does not come through', () => {
  const hostile = 'a\u001b[2Jb\u001b]0;title\u0007c\u001b[31mred\u001b[0m\td\u0008\u0000\u009b1me\u202e';
  expect(printableLines(`${hostile}\nnext`).join('\n')).toMatch(/^ab?cred\td.*\nnext$/);
  expect(printableLines(hostile).join('')).not.toMatch(/[^\P{C}\t]/u);
});
