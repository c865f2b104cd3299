import {
  chmodSync,
  existsSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { MAX_SOCKET_PATH_BYTES } from '../domain/socket-path.ts';
import { RunDirectory } from './run-directory.ts';

const uid = process.getuid?.() ?? 0;
let root: string;
let links: string;
let long: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'banger-run-'));
  links = join(root, 'links');
  long = join(root, 'h'.repeat(120), 'run');
  mkdirSync(long, { recursive: true, mode: 0o700 });
});
afterEach(() => rmSync(root, { recursive: true }));

const runDirectory = (directory = long): RunDirectory => new RunDirectory(directory, links, uid);

test('whose sockets have room is named by its own path, and nothing is made', async () => {
  // HOME/run/vm/ID/outbound.sock.new in 107 bytes.
  const room = '/run/vm/0123456789ab/outbound.sock.new'.length;
  const home = `/${'h'.repeat(MAX_SOCKET_PATH_BYTES - room - 1)}`;
  const short = runDirectory(`${home}/run`);
  expect(short.path).toBe(`${home}/run`);
  await short.ensure();
  await short.remove();
  expect(existsSync(links)).toBe(false);
  expect(runDirectory(`${home}h/run`).path).not.toBe(`${home}h/run`);
});

test('is reached by a short link in a private directory, whatever its path', async () => {
  const run = runDirectory();
  await run.ensure();
  expect(readlinkSync(run.path)).toBe(long);
  expect(lstatSync(links).mode & 0o777).toBe(0o700);
  writeFileSync(join(run.path, 'x'), '');
  expect(readdirSync(long)).toEqual(['x']);
  const system = new RunDirectory(`/${'h'.repeat(1_000)}`, '/tmp/banger-runtime-4294967294', uid);
  expect(Buffer.byteLength(`${system.path}/vm/0123456789ab/outbound.sock.new`)).toBeLessThan(
    MAX_SOCKET_PATH_BYTES,
  );
});

test('has one link, the same for each daemon, and none in common with another home', async () => {
  for (const _daemon of [1, 2]) await runDirectory().ensure();
  const other = runDirectory(`${long}2`);
  mkdirSync(`${long}2`);
  await other.ensure();
  expect(readdirSync(links)).toHaveLength(2);
  await runDirectory().ensure();
  await other.remove();
  expect(readdirSync(links).map((name) => readlinkSync(join(links, name)))).toEqual([long]);
});

test('gets its link back when that was swept, or leads elsewhere', async () => {
  const run = runDirectory();
  await run.ensure();
  rmSync(links, { recursive: true });
  await run.ensure();
  expect(readlinkSync(run.path)).toBe(long);
  rmSync(run.path);
  symlinkSync(root, run.path);
  await run.ensure();
  expect(readlinkSync(run.path)).toBe(long);
  expect(readdirSync(links)).toHaveLength(1);
  await run.remove();
  await run.remove();
  expect(readdirSync(links)).toEqual([]);
});

test.each([
  ['a link', () => symlinkSync(join(root, 'elsewhere'), links), 'links is a symbolic link'],
  ['a file', () => writeFileSync(links, ''), 'links is not a directory'],
  ['in a directory that everybody may write', () => chmodSync(root, 0o777), 'can be written by every user'],
])(
  'is refused when the directory of links is %s, and nothing there is touched',
  async (_what, spoil, says) => {
    const elsewhere = join(root, 'elsewhere');
    mkdirSync(elsewhere, { mode: 0o700 });
    const run = runDirectory();
    writeFileSync(join(elsewhere, run.path.slice(links.length + 1)), 'of somebody');
    spoil();
    await expect(run.ensure()).rejects.toMatchObject({
      code: 'path_unsafe',
      message: expect.stringContaining(`${long} is too long a path for sockets`),
      hint: expect.stringContaining('shorter path'),
    });
    await expect(run.ensure()).rejects.toThrow(says);
    await run.remove();
    run.removeIfGone();
    expect(await run.leftovers()).toEqual([]);
    expect(readdirSync(elsewhere)).toHaveLength(1);
  },
);

test.each([
  ['a directory', (path: string) => mkdirSync(path), 'is no symbolic link'],
  ['a file', (path: string) => writeFileSync(path, ''), 'is no symbolic link'],
])('is refused when %s has the name of its link, which stays', async (_what, plant, says) => {
  const run = runDirectory();
  mkdirSync(links, { mode: 0o700 });
  plant(run.path);
  await expect(run.ensure()).rejects.toThrow(says);
  await run.remove();
  expect(existsSync(run.path)).toBe(true);
});

test('is refused when the directory of links is another user’s', async () => {
  mkdirSync(links, { mode: 0o700 });
  const theirs = new RunDirectory(long, links, uid + 1);
  await expect(theirs.ensure()).rejects.toMatchObject({ code: 'path_unsafe' });
  expect(readdirSync(links)).toEqual([]);
  expect(await theirs.leftovers()).toEqual([]);
});

test('takes its link along when it is gone, and leaves it to whoever has its place', async () => {
  const run = runDirectory();
  await run.ensure();
  run.removeIfGone();
  expect(readlinkSync(run.path)).toBe(long);
  rmSync(long, { recursive: true });
  run.removeIfGone();
  expect(readdirSync(links)).toEqual([]);
});

test('what a killed daemon and a deleted home left is found by any other home’s', async () => {
  const run = runDirectory();
  await run.ensure();
  const other = runDirectory('/short');
  expect(await other.leftovers()).toEqual([]);
  lutimesSync(run.path, new Date(1_000), new Date(1_000));
  renameSync(long, `${long}.aside`);
  // A link of another name is nobody's of ours.
  symlinkSync('/no/such', join(links, '0123456789abcdef'));
  symlinkSync('/no/such', join(links, 'theirs'));
  const [left, ...more] = await other.leftovers();
  expect(more).toEqual([]);
  expect(left).toMatchObject({ what: `link ${run.path} to ${long}, which is gone`, since: 1_000 });

  renameSync(`${long}.aside`, long);
  await left?.remove();
  expect(statSync(run.path).isDirectory()).toBe(true);

  rmSync(long, { recursive: true });
  await left?.remove();
  await left?.remove();
  expect(readdirSync(links).toSorted()).toEqual(['0123456789abcdef', 'theirs']);
});
