import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { consoleTail, panicReason, printableLines } from './console.ts';
import { capConsole } from './console-cap.ts';

let directory: string;
beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'banger-console-'))));
afterEach(() => rmSync(directory, { recursive: true }));

test('a console that was never written is empty', async () => {
  expect(await consoleTail(join(directory, 'none'), 0)).toEqual([]);
});

test('the last lines of a long console are told, empty ones left out', async () => {
  const path = join(directory, 'console.log');
  const lines = Array.from({ length: 5000 }, (_, n) => `line ${n}\r\n\r\n`);
  writeFileSync(path, lines.join(''));
  expect(await consoleTail(path, 0, 3)).toEqual(['line 4997', 'line 4998', 'line 4999']);
  const { size } = statSync(path);
  appendFileSync(path, 'of another boot\n');
  expect(await consoleTail(path, size, 3)).toEqual(['of another boot']);
});

test('what would move a cursor, set a title or colour a terminal does not come through', () => {
  const hostile = 'a\u001b[2Jb\u001b]0;title\u0007c\u001b[31mred\u001b[0m\td\u0008\u0000\u009b1me\u202e';
  expect(printableLines(`${hostile}\nnext`).join('\n')).toMatch(/^ab?cred\td.*\nnext$/);
  expect(printableLines(hostile).join('')).not.toMatch(/[^\P{C}\t]/u);
});

test('a panic says why, though its trace is longer than what is shown', async () => {
  const path = join(directory, 'console.log');
  const trace = Array.from({ length: 100 }, (_, n) => `[    1.0] ? frame_${n}+0x44/0x11c\n`).join('');
  writeFileSync(path, `[    0.9] Kernel panic - not syncing: sysrq triggered crash\r\n${trace}`);
  expect(await panicReason(path, 0)).toBe('sysrq triggered crash');
  expect(await panicReason(join(directory, 'none'), 0)).toBe('');
  const { size } = statSync(path);
  expect(await panicReason(path, size)).toBe('');
  appendFileSync(path, '[    2.0] Kernel panic - not syncing: again\r\n');
  expect(await panicReason(path, size)).toBe('again');
  expect(await panicReason(path, size * 2)).toBe('again');
});

test('a console over its cap is set aside, its end kept, and an appending writer goes on', async () => {
  const path = join(directory, 'console.log');
  writeFileSync(path, `${'x'.repeat(5000)}end`);
  await capConsole(path, 6000, 100);
  expect(statSync(path).size).toBe(5003);
  expect(existsSync(`${path}.old`)).toBe(false);
  await capConsole(path, 5000, 100);
  expect(readFileSync(`${path}.old`, 'utf8')).toBe(`${'x'.repeat(97)}end`);
  appendFileSync(path, 'more');
  expect(readFileSync(path, 'utf8')).toBe('more');
  await capConsole(join(directory, 'none'), 1, 1);
});
