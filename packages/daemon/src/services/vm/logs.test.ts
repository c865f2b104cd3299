import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { systemClock, type Clock } from '../../host/clock.ts';
import { readConsole } from './logs.ts';

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'banger-logs-'));
  path = join(directory, 'console.log');
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const never = new AbortController().signal;

/** A clock on which each pause of a follower does the next of these things, and takes no time. */
function pauses(...steps: (() => void)[]): Clock {
  return {
    ...systemClock,
    sleep: () => {
      const step = steps.shift();
      if (step === undefined) throw new Error('It should have ended by now.');
      return Promise.resolve(step());
    },
  };
}

describe('a console that is followed', () => {
  test('ends when the VM, and its file with it, is deleted', async () => {
    writeFileSync(path, 'a\n');
    const clock = pauses(
      () => appendFileSync(path, 'b\n'),
      () => rmSync(path),
    );
    expect(await text(readConsole({ path, follow: true }, clock, never))).toBe('a\nb\n');
  });

  test('ends when a VM that never wrote is deleted', async () => {
    let there = true;
    const request = { path, follow: true, exists: () => there };
    const clock = pauses(
      () => undefined,
      () => (there = false),
    );
    expect(await text(readConsole(request, clock, never))).toBe('');
  });

  test('waits for the first line, and begins anew with a truncated file', async () => {
    const abort = new AbortController();
    const clock = pauses(
      () => writeFileSync(path, 'first\n'),
      () => writeFileSync(path, 'new\n'),
      () => abort.abort(),
    );
    expect(await text(readConsole({ path, follow: true }, clock, abort.signal))).toBe('first\nnew\n');
  });

  test('shows what was written last before the VM was gone', async () => {
    writeFileSync(path, 'a\n');
    let there = true;
    const request = { path, follow: true, exists: () => there };
    const clock = pauses(() => {
      appendFileSync(path, 'last\n');
      there = false;
    });
    expect(await text(readConsole(request, clock, never))).toBe('a\nlast\n');
  });
});

describe('a console that is not followed', () => {
  test('ends with what was there at first, however fast the guest writes', async () => {
    writeFileSync(path, 'x'.repeat(100_000));
    let bytes = 0;
    for await (const chunk of readConsole({ path, follow: false }, pauses(), never)) {
      bytes += (chunk as Buffer).length;
      appendFileSync(path, 'y'.repeat(100_000));
    }
    expect(bytes).toBe(100_000);
  });

  test('gives the last lines only, and nothing of what is not there', async () => {
    writeFileSync(path, 'a\nb\nc\n');
    const lines = (count: number) =>
      text(readConsole({ path, follow: false, lines: count }, pauses(), never));
    expect(await lines(2)).toBe('b\nc\n');
    expect(await lines(0)).toBe('');
    expect(await lines(9)).toBe('a\nb\nc\n');
    rmSync(path);
    expect(await lines(2)).toBe('');
  });
});
