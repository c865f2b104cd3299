import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KernelCatalogs } from './catalogs.ts';
import { catalogText } from './kernel-archive.suite.ts';

const SHA256 = 'ab'.repeat(32);
const source = { type: 'url', url: 'https://mirror.example/kernel', sha256: SHA256 };

let root: string;
let file: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'banger-catalogs-'));
  file = join(root, 'catalog.json');
});
afterEach(() => rm(root, { recursive: true }));

const names = async (...files: string[]): Promise<string[]> =>
  (await new KernelCatalogs(files).read()).recipes.map(({ name }) => name);

test('without any there is that of banger, which knows no server', async () => {
  const { recipes, unreadable } = await new KernelCatalogs([]).read();
  expect(unreadable).toEqual([]);
  expect(recipes.map(({ name }) => name)).toEqual(['debian-cloud']);
  expect(recipes.flatMap(({ sources }) => sources).every(({ type }) => type === 'apt')).toBe(true);
});

test('those of the configuration come first, and of one name the first counts', async () => {
  const second = join(root, 'second.json');
  await writeFile(file, catalogText([{ name: 'a', sources: [source] }]));
  const own = { type: 'apt', package: 'linux-image-own' };
  await writeFile(
    second,
    catalogText([
      { name: 'a', sources: [own] },
      { name: 'debian-cloud', sources: [own] },
    ]),
  );
  expect(await names(file, second)).toEqual(['a', 'debian-cloud']);
  const catalogs = new KernelCatalogs([file, second]);
  expect((await catalogs.find('a'))?.sources).toEqual([source]);
  expect((await catalogs.find('debian-cloud'))?.sources).toEqual([own]);
});

test('a kernel for another architecture is passed over', async () => {
  await writeFile(
    file,
    JSON.stringify({
      catalog: 1,
      kernels: [{ name: 'arm', distribution: 'debian', arch: 'aarch64', sources: [source] }],
    }),
  );
  expect(await names(file)).toEqual(['debian-cloud']);
});

test('what changes is seen at once', async () => {
  const catalogs = new KernelCatalogs([file]);
  await writeFile(file, catalogText([]));
  expect(await catalogs.find('a')).toBeUndefined();
  await writeFile(file, catalogText([{ name: 'a', sources: [source] }]));
  expect((await catalogs.find('a'))?.name).toBe('a');
});

describe('one that cannot be read', () => {
  const entry = (change: object): string => catalogText([{ name: 'a', sources: [source], ...change }]);
  const from = (change: object): string => entry({ sources: [{ ...source, ...change }] });
  test.each<[string, string | undefined, string]>([
    ['is not there', undefined, 'it cannot be read (ENOENT)'],
    ['is not JSON', '{', 'it is not JSON'],
    ['is of another version', '{"catalog": 2, "kernels": []}', 'catalog: '],
    ['has a name that leads elsewhere', entry({ name: '../x' }), 'kernels.0.name: '],
    [
      'has one name twice',
      catalogText([
        { name: 'a', sources: [source] },
        { name: 'a', sources: [source] },
      ]),
      'twice',
    ],
    ['has a kernel without a source', entry({ sources: [] }), 'kernels.0.sources: '],
    ['has a source of another kind', from({ type: 'ftp' }), 'kernels.0.sources.0.type: '],
    ['has an unknown key', entry({ sha: 1 }), 'sha'],
    ['has no hash', from({ sha256: undefined }), 'kernels.0.sources.0.sha256: '],
    ['has a hash of another kind', from({ sha256: 'ab' }), 'kernels.0.sources.0.sha256: '],
    ['has an absurd length', from({ bytes: 1e15 }), 'kernels.0.sources.0.bytes: '],
    ['has no address', from({ url: 'mirror.example/kernel' }), 'kernels.0.sources.0.url: must be an address'],
    ['has an address of another kind', from({ url: 'ftp://a/b' }), 'kernels.0.sources.0.url: must be'],
    ['has an address with a login', from({ url: 'https://a:b@c/d' }), 'kernels.0.sources.0.url: must be'],
    ['has a file of another host', from({ url: 'file://host/d' }), 'kernels.0.sources.0.url: must be'],
    ['is longer than any', JSON.stringify(' '.repeat(1024 ** 2)), 'longer than 1024 KiB'],
  ])('because it %s is told, and the others are there', async (_what, text, says) => {
    if (text !== undefined) await writeFile(file, text);
    const catalogs = new KernelCatalogs([file]);
    const { recipes, unreadable } = await catalogs.read();
    expect(recipes.map(({ name }) => name)).toEqual(['debian-cloud']);
    expect(unreadable).toMatchObject([
      {
        code: 'config_invalid',
        message: expect.stringContaining(`The catalog of kernels ${file} cannot be used: `) as string,
      },
    ]);
    expect(unreadable[0]?.message).toContain(says);
    // It may have had the kernel; what the others have is there.
    await expect(catalogs.find('a')).rejects.toMatchObject({ code: 'config_invalid' });
    expect((await catalogs.find('debian-cloud'))?.name).toBe('debian-cloud');
  });

  test('because it is a directory is told', async () => {
    await mkdir(file);
    await expect(new KernelCatalogs([file]).find('a')).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining('it is no file') as string,
    });
  });
});
