import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readHostTree } from './host-source.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'banger-copy-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const read = (path: string, follow = false) => [...readHostTree(path, follow, 4)];
const summary = (path: string, follow = false) =>
  read(path, follow).map((record) => ('name' in record ? `${record.kind} ${record.name}` : record.kind));

test('links are records, whatever they lead to', () => {
  mkdirSync(join(root, 'src'));
  symlinkSync('/etc', join(root, 'src/etc'));
  symlinkSync('src', join(root, 'link'));
  expect(read(join(root, 'src'))[1]).toMatchObject({ kind: 'link', name: 'etc', target: '/etc' });
  expect(summary(join(root, 'link'))).toEqual(['link ']);
  expect(summary(join(root, 'link'), true)).toEqual(['directory ', 'link etc', 'end']);
  expect(summary(`${root}/link/.`)).toEqual(['directory ', 'link etc', 'end']);
});

test('content comes in pieces', () => {
  writeFileSync(join(root, 'f'), 'hello', { mode: 0o4700 });
  expect(read(join(root, 'f'))).toMatchObject([
    { kind: 'file', name: '', mode: 0o600 | 0o100, size: 5 },
    { kind: 'content', bytes: Buffer.from('hell') },
    { kind: 'content', bytes: Buffer.from('o') },
    { kind: 'end' },
  ]);
});

test('what is no file, directory or link is skipped, and refused as the source', async () => {
  const server = createServer().listen(join(root, 'socket'));
  spawnSync('mkfifo', [join(root, 'fifo')]);
  expect(new Set(summary(root))).toEqual(new Set(['directory ', 'skip fifo', 'skip socket', 'end']));
  for (const name of ['fifo', 'socket'])
    expect(() => read(join(root, name))).toThrow(expect.objectContaining({ code: 'copy_failed' }));
  expect(() => read('/dev/null')).toThrow(expect.objectContaining({ code: 'copy_failed' }));
  expect(() => read(join(root, 'nothing'))).toThrow(expect.objectContaining({ code: 'copy_failed' }));
  await new Promise((resolve) => server.close(resolve));
});

test('a tree deeper than the protocol allows loses what is too deep', () => {
  let path = root;
  for (let depth = 0; depth < 258; depth += 1) {
    path = `${path}/d`;
    mkdirSync(path);
  }
  expect(summary(root).filter((line) => line.startsWith('directory'))).toHaveLength(256);
  expect(summary(root)).toContain('skip d');
});
