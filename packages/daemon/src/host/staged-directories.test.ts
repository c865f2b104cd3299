import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BangerError } from '@banger/contract/error';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { StagedDirectories } from './staged-directories.ts';

const taken = (): BangerError => new BangerError('name_taken', 'taken');
const fill =
  (text: string) =>
  (staging: string): Promise<void> =>
    writeFile(join(staging, 'file'), text);

let root: string;
let directories: StagedDirectories;
beforeEach(async () => {
  root = join(await mkdtemp(join(tmpdir(), 'banger-staged-')), 'store');
  directories = new StagedDirectories(root);
});
afterEach(() => rm(join(root, '..'), { recursive: true }));

const sweep = async (): Promise<string[]> => {
  const found = await directories.leftovers();
  for (const { remove } of found) await remove();
  return found.map(({ action }) => action).sort();
};

const content = (name: string): Promise<string> => readFile(join(root, name, 'file'), 'utf8');

test('what is made is private and seen only when it is whole', async () => {
  await directories.make('a', taken, async (staging) => {
    expect((await stat(staging)).mode & 0o777).toBe(0o700);
    expect(await directories.names()).toEqual([]);
    await fill('1')(staging);
  });
  expect(await directories.names()).toEqual(['a']);
  expect(await content('a')).toBe('1');
  expect((await stat(root)).mode & 0o777).toBe(0o700);
});

test('a taken name is refused, or replaced and nothing of the old one left', async () => {
  await directories.make('a', taken, fill('1'));
  await expect(directories.make('a', taken, fill('2'))).rejects.toMatchObject({ code: 'name_taken' });
  expect(await content('a')).toBe('1');
  await directories.make('a', 'replace', fill('2'));
  expect(await content('a')).toBe('2');
  expect(await readdir(root)).toEqual(['a']);
});

test('each change is told once, when it is so', async () => {
  const told: unknown[] = [];
  directories = new StagedDirectories(root, undefined, (change, name) => told.push([change, name]));
  await directories.make('a', taken, fill('1'));
  await directories.make('a', taken, fill('2')).catch(() => undefined);
  await directories.make('a', 'replace', fill('3'));
  await directories.make('b', 'replace', () => Promise.reject(new Error('no'))).catch(() => undefined);
  await directories.remove('a');
  await directories.remove('a');
  expect(told).toEqual([
    ['added', 'a'],
    ['replaced', 'a'],
    ['removed', 'a'],
  ]);
});

test('a failure leaves what was there', async () => {
  await directories.make('a', taken, fill('1'));
  const fails = async (staging: string): Promise<void> => {
    await fill('2')(staging);
    throw Object.assign(new Error('full'), { code: 'ENOSPC' });
  };
  await expect(directories.make('a', 'replace', fails)).rejects.toMatchObject({
    code: 'disk_full',
    message: expect.stringMatching(
      /^There is no room for a in .*: \d+ MiB were free .*, \d+ MiB are left\.$/,
    ),
  });
  const saysSo = async (): Promise<never> => {
    throw new BangerError('disk_full', 'There was no room left on the disk for a program.');
  };
  await expect(directories.make('a', 'replace', saysSo)).rejects.toThrow(/MiB were free/);
  expect(await content('a')).toBe('1');
  expect(await readdir(root)).toEqual(['a']);
});

test('a kill between any two steps leaves the old one or the new one, and leftovers that can be removed', async () => {
  await directories.make('a', taken, fill('1'));
  await mkdir(join(root, '.staging-a.0123456789ab'));
  await mkdir(join(root, '.staging-b.0123456789ab'));
  await mkdir(join(root, '.removing-c.0123456789ab'));
  await mkdir(join(root, '.replaced-a.0123456789ab'));
  await mkdir(join(root, '.replaced-d.x.0123456789ab'));
  await fill('4')(join(root, '.replaced-d.x.0123456789ab'));
  expect(await sweep()).toEqual([...Array<string>(4).fill('delete it'), 'put it back']);
  expect((await readdir(root)).sort()).toEqual(['a', 'd.x']);
  expect(await content('a')).toBe('1');
  expect(await content('d.x')).toBe('4');
  expect(await sweep()).toEqual([]);
});

test('what is being made is no leftover', async () => {
  await directories.make('a', taken, async (staging) => {
    expect(await sweep()).toEqual([]);
    await fill('1')(staging);
  });
  expect(await content('a')).toBe('1');
});

test('removal says whether there was something, and scratch goes', async () => {
  await directories.make('a', taken, fill('1'));
  expect(await directories.remove('a')).toBe(true);
  expect(await directories.remove('a')).toBe(false);
  await expect(
    directories.scratch((path) => fill('x')(path).then(() => Promise.reject(new Error('no')))),
  ).rejects.toThrow('no');
  expect(await readdir(root)).toEqual([]);
});

test('what cannot be deleted keeps no work from what it came to, and is a leftover until it can be', async () => {
  await directories.make('a', taken, fill('1'));
  let stuck = true;
  directories = new StagedDirectories(root, async (path) => {
    if (stuck) throw new Error('stuck');
    await rm(path, { recursive: true });
  });
  await directories.make('a', 'replace', fill('2'));
  expect(await content('a')).toBe('2');
  await expect(directories.make('b', taken, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
  await expect(directories.scratch(() => Promise.reject(new Error('nor')))).rejects.toThrow('nor');
  expect((await directories.leftovers()).map(({ action }) => action)).toEqual(
    Array<string>(3).fill('delete it'),
  );
  stuck = false;
  expect(await sweep()).toHaveLength(3);
  expect(await readdir(root)).toEqual(['a']);
});
