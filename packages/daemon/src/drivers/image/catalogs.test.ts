import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ConfiguredImageCatalogs } from './catalogs.ts';

const sha256 = 'ab'.repeat(32);
const bundle = { type: 'bundle', url: 'https://mirror.example/app.tar.zst', sha256 };
const recipe = {
  type: 'recipe',
  suite: 'bookworm',
  variant: 'apt',
  packages: { jq: 'JSON' },
  files: [],
  links: [],
};

let root: string;
let file: string;
let catalogs: ConfiguredImageCatalogs;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'banger-image-catalogs-'));
  file = join(root, 'images.json');
  catalogs = new ConfiguredImageCatalogs([file]);
});
afterEach(() => rmSync(root, { recursive: true }));

const write = (...images: readonly object[]): void =>
  writeFileSync(
    file,
    JSON.stringify({
      catalog: 1,
      images: images.map((image) => ({ distribution: 'debian', arch: 'x86_64', ...image })),
    }),
  );

test('without any there is that of banger, which knows no server', async () => {
  const { entries, unreadable } = await new ConfiguredImageCatalogs([]).read();
  expect(unreadable).toEqual([]);
  expect(entries.map(({ name }) => name)).toEqual(['debian-bookworm', 'debian-bookworm-systemd']);
  expect(entries.flatMap(({ sources }) => sources.map(({ type }) => type))).toEqual(['recipe', 'recipe']);
});

test('an image of the configuration comes first, with all its sources in their order', async () => {
  write(
    {
      name: 'app',
      kernel: 'team',
      sources: [{ ...bundle, bytes: 7 }, { type: 'oci', reference: 'team/app:1' }, recipe],
    },
    { name: 'debian-bookworm', sources: [recipe] },
    { name: 'arm', arch: 'aarch64', sources: [bundle] },
  );
  const { entries } = await catalogs.read();
  expect(entries.map(({ name }) => name)).toEqual(['app', 'debian-bookworm', 'debian-bookworm-systemd']);
  expect(entries[0]).toEqual({
    ...{
      name: 'app',
      description: '',
      distribution: 'debian',
      arch: 'x86_64',
      kernel: 'team',
      init: 'agent',
    },
    sources: [
      { type: 'bundle', text: `bundle:${bundle.url}@sha256:${sha256}`, bytes: 7 },
      { type: 'oci', text: 'team/app:1' },
      { type: 'recipe', text: 'recipe' },
    ],
  });
  expect(await catalogs.recipe('debian-bookworm')).toMatchObject({ packages: ['jq'] });
  expect(await catalogs.recipe('nothing')).toBeUndefined();
});

test('a recipe may add to one of banger', async () => {
  write({
    name: 'more',
    sources: [{ type: 'recipe', extends: 'debian-bookworm', packages: { gcc: 'C' }, files: [], links: [] }],
  });
  expect((await catalogs.recipe('more'))?.packages).toEqual(expect.arrayContaining(['gcc', 'git']));
});

test.each<[string, readonly object[]]>([
  ['an address with a login', [{ ...bundle, url: 'https://a:b@mirror.example/x' }]],
  ['an address with a query', [{ ...bundle, url: 'https://mirror.example/x?token=1' }]],
  ['an address of another kind', [{ ...bundle, url: 'ftp://mirror.example/x' }]],
  ['a hash that is none', [{ ...bundle, sha256: 'x' }]],
  ['no source', []],
  ['two recipes', [recipe, recipe]],
  ['a recipe that adds to nothing', [{ type: 'recipe', extends: 'no', packages: {}, files: [], links: [] }]],
  ['a source that is not known', [{ type: 'torrent' }]],
])('one with %s is told, and all others go on', async (_what, sources) => {
  write({ name: 'app', sources });
  const { entries, unreadable } = await catalogs.read();
  expect(unreadable).toMatchObject([
    { code: 'config_invalid', message: expect.stringContaining(file) as string },
  ]);
  expect(entries).toHaveLength(2);
});

test('what changes is seen at once, and one name twice is a mistake', async () => {
  expect((await catalogs.read()).unreadable).toHaveLength(1);
  write({ name: 'app', sources: [bundle] });
  expect((await catalogs.read()).unreadable).toEqual([]);
  write({ name: 'app', sources: [bundle] }, { name: 'app', sources: [bundle] });
  expect((await catalogs.read()).unreadable).toMatchObject([
    { message: expect.stringContaining('the image app twice') as string },
  ]);
});
