import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { problems, readImage } from './image.suite.ts';
import { packDirectory } from './pack-directory.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'pack-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const at = (name: string): string => join(directory, name);

test('files and directories are in it, as of root, and nothing else', async () => {
  mkdirSync(at('tree/kernel/fs'), { recursive: true });
  writeFileSync(at('tree/kernel/fs/large.ko'), Buffer.alloc(300_000, 'x'));
  writeFileSync(at('tree/empty'), '');
  chmodSync(at('tree/empty'), 0o666);
  utimesSync(at('tree/empty'), 1_700_000_000, 1_700_000_000.5);
  symlinkSync('/usr/src', at('tree/build'));
  await packDirectory(at('tree'), at('disk'), new AbortController().signal);
  expect(problems(at('disk'))).toBe('');
  const found = readImage(at('disk'));
  expect([...found.keys()].filter((path) => path !== '').toSorted()).toEqual(
    ['empty', 'kernel', 'kernel/fs', 'kernel/fs/large.ko', 'lost+found'].filter((path) => found.has(path)),
  );
  expect(found.get('kernel/fs/large.ko')?.content.equals(Buffer.alloc(300_000, 'x'))).toBe(true);
  expect(found.get('empty')).toMatchObject({
    mode: 0o644,
    uid: 0,
    gid: 0,
    modified: { seconds: 1_700_000_000, nanoseconds: 500_000_000 },
  });
});

test('ends when it is given up', async () => {
  mkdirSync(at('tree'));
  writeFileSync(at('tree/a'), '');
  await expect(packDirectory(at('tree'), at('disk'), AbortSignal.abort())).rejects.toThrow();
});
