import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readJson, writeFileAtomic } from './private-files.ts';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'banger-files-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const anything = (value: unknown): unknown => value;

test('writes a private file and replaces it whole', async () => {
  const path = join(root, 'state.json');
  await writeFileAtomic(path, 'old');
  await chmod(path, 0o644);
  await writeFileAtomic(path, 'new');
  expect(await readFile(path, 'utf8')).toBe('new');
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(root)).toEqual(['state.json']);
});

test('a failed write leaves the old content and no temporary file', async () => {
  await mkdir(join(root, 'state.json/below'), { recursive: true });
  await expect(writeFileAtomic(join(root, 'state.json'), 'new')).rejects.toMatchObject({ code: 'EISDIR' });
  expect(await readdir(root)).toEqual(['state.json']);
});

test('writers of one file at once leave one of their contents', async () => {
  const path = join(root, 'state.json');
  const contents = Array.from({ length: 20 }, (_, index) => String(index).repeat(5_000));
  await Promise.all(contents.map((content) => writeFileAtomic(path, content)));
  expect(contents).toContain(await readFile(path, 'utf8'));
  expect(await readdir(root)).toEqual(['state.json']);
});

test('reads JSON, and undefined where no file is', async () => {
  const path = join(root, 'state.json');
  expect(await readJson(path, anything)).toBeUndefined();
  await writeFile(path, '{"a":1}');
  expect(await readJson(path, anything)).toEqual({ a: 1 });
});

test('a damaged file is named, with what is wrong', async () => {
  const path = join(root, 'state.json');
  const reading = (parse = anything): Promise<unknown> => readJson(path, parse);
  await writeFile(path, '');
  await expect(reading()).rejects.toMatchObject({
    code: 'file_damaged',
    message: `The file ${path} is empty.`,
  });
  await writeFile(path, '{"a":');
  await expect(reading()).rejects.toMatchObject({ message: `The file ${path} is not JSON.` });
  await writeFile(path, '{}');
  const refuse = (): never => {
    throw new Error('no a');
  };
  await expect(reading(refuse)).rejects.toMatchObject({ code: 'file_damaged', details: { path } });
});
