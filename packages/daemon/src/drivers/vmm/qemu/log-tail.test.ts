import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { logTail } from './log-tail.ts';

it('gives the last lines of this run, bare of time stamps and control characters', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'log-'));
  try {
    const log = join(dir, 'log');
    await writeFile(log, 'before\n2026-01-01T00:00:00.1Z one\u0007\n\n\u009b2Jtwo\r\n');
    expect(await logTail(log, 'before\n'.length)).toEqual(['one', '2Jtwo']);
    expect(await logTail(log, 10_000)).toEqual([]);
    expect(await logTail(join(dir, 'none'), 0)).toEqual([]);
    await writeFile(log, `${'x'.repeat(10_000)}\n${[1, 2, 3, 4, 5, 6].map((n) => `line ${n}\n`).join('')}`);
    expect(await logTail(log, 0)).toEqual(['line 2', 'line 3', 'line 4', 'line 5', 'line 6']);
  } finally {
    await rm(dir, { recursive: true });
  }
});
