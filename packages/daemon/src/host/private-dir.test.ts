import { chmod, lstat, mkdir, mkdtemp, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ensurePrivateDir, lookAtPrivateDir } from './private-dir.ts';

let root: string;
const mode = async (path: string): Promise<number> => (await stat(path)).mode & 0o7777;

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'banger-private-')));
});
afterEach(() => rm(root, { recursive: true, force: true }));

test('makes the directory and its parents 0700, whatever the umask', async () => {
  const before = process.umask(0);
  try {
    await ensurePrivateDir(join(root, 'a/b/c'));
  } finally {
    process.umask(before);
  }
  for (const path of ['a', 'a/b', 'a/b/c']) expect(await mode(join(root, path))).toBe(0o700);
  await ensurePrivateDir(join(root, 'a/b/c'));
});

test('tightens a directory that was wider, and leaves its parents alone', async () => {
  await mkdir(join(root, 'a/b'), { recursive: true });
  await chmod(join(root, 'a'), 0o755);
  await chmod(join(root, 'a/b'), 0o2777);
  await ensurePrivateDir(join(root, 'a/b'));
  expect(await mode(join(root, 'a/b'))).toBe(0o700);
  expect(await mode(join(root, 'a'))).toBe(0o755);
});

test('refuses a symbolic link as the directory itself', async () => {
  await mkdir(join(root, 'real'), { mode: 0o755 });
  await symlink('real', join(root, 'link'));
  await expect(ensurePrivateDir(join(root, 'link'))).rejects.toMatchObject({
    code: 'path_unsafe',
    message: `${join(root, 'link')} is a symbolic link.`,
  });
  await symlink('nowhere', join(root, 'dangling'));
  await expect(ensurePrivateDir(join(root, 'dangling'))).rejects.toMatchObject({ code: 'path_unsafe' });
  expect((await lstat(join(root, 'dangling'))).isSymbolicLink()).toBe(true);
});

test('follows a link on the way that is our own', async () => {
  await mkdir(join(root, 'real'));
  await symlink('real', join(root, 'home'));
  await ensurePrivateDir(join(root, 'home/state'));
  expect(await mode(join(root, 'real/state'))).toBe(0o700);
});

test('refuses links that go round', async () => {
  await symlink('b', join(root, 'a'));
  await symlink('a', join(root, 'b'));
  await expect(ensurePrivateDir(join(root, 'a/state'))).rejects.toMatchObject({ code: 'path_unsafe' });
});

test('refuses a parent that every user may write', async () => {
  await mkdir(join(root, 'open'));
  await chmod(join(root, 'open'), 0o777);
  await expect(ensurePrivateDir(join(root, 'open/state'))).rejects.toMatchObject({
    code: 'path_unsafe',
    details: { path: join(root, 'open') },
  });
  await chmod(join(root, 'open'), 0o1777);
  await ensurePrivateDir(join(root, 'open/state'));
});

test('refuses a directory or parent of another user', async () => {
  await ensurePrivateDir(join(root, 'mine/state'));
  const stranger = Number(process.getuid?.()) + 1;
  await expect(ensurePrivateDir(join(root, 'mine/state'), stranger)).rejects.toMatchObject({
    code: 'path_unsafe',
    message: expect.stringContaining('belongs to another user'),
  });
});

test('refuses files in its place and relative paths', async () => {
  await writeFile(join(root, 'file'), '');
  for (const path of [join(root, 'file'), join(root, 'file/below'), 'relative'])
    await expect(ensurePrivateDir(path)).rejects.toMatchObject({ code: 'path_unsafe' });
});

test('a look tells what would be made or tightened, and does neither', async () => {
  expect(await lookAtPrivateDir(join(root, 'a/b'))).toBe('missing');
  await expect(lstat(join(root, 'a'))).rejects.toMatchObject({ code: 'ENOENT' });
  await mkdir(join(root, 'open'));
  await chmod(join(root, 'open'), 0o755);
  await symlink('open', join(root, 'home'));
  expect(await lookAtPrivateDir(join(root, 'open'))).toBe('open');
  expect(await lookAtPrivateDir(join(root, 'home/state'))).toBe('missing');
  expect(await mode(join(root, 'open'))).toBe(0o755);
  await ensurePrivateDir(join(root, 'open'));
  expect(await lookAtPrivateDir(join(root, 'open'))).toBe('private');
});

test('a look refuses what a making refuses, in the same words', async () => {
  await mkdir(join(root, 'mine/state'), { recursive: true });
  await mkdir(join(root, 'wide'));
  await chmod(join(root, 'wide'), 0o777);
  await writeFile(join(root, 'file'), '');
  await symlink('mine', join(root, 'link'));
  await symlink('round', join(root, 'round'));
  const said = (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => 'nothing',
      ({ code, message }: { code: string; message: string }) => [code, message],
    );
  for (const name of ['file', 'file/state', 'link', 'round/state', 'wide/state', 'wide/none/state']) {
    const path = join(root, name);
    expect(await said(lookAtPrivateDir(path)), name).toEqual(await said(ensurePrivateDir(path)));
  }
  const stranger = Number(process.getuid?.()) + 1;
  const path = join(root, 'mine/state');
  expect(await said(lookAtPrivateDir(path, stranger))).toEqual(await said(ensurePrivateDir(path, stranger)));
  await expect(lookAtPrivateDir('relative')).rejects.toMatchObject({ code: 'path_unsafe' });
});
