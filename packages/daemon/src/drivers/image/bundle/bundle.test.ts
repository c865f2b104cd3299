import { createHash } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StageContext } from '../../../domain/stage-progress.ts';
import { createFakeImages } from '../fake/fake-image-host.ts';
import type { ImagePullWish, StoredImage } from '../driver.ts';
import { listing } from '../ext4/read/listing.suite.ts';
import { writeLayout } from '../oci/layout.suite.ts';
import { archive } from '../oci/tar/archive.suite.ts';
import { bundleFile, bundleManifest, bundleRoot } from './bundle.suite.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const never = new AbortController().signal;
const context: StageContext = { signal: never, onProgress: () => undefined };

let root: string;
let host: ReturnType<typeof createFakeImages>;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'banger-bundle-'));
  host = createFakeImages(join(root, 'images'));
});
afterEach(() => rmSync(root, { recursive: true }));

const wish = (name: string, change: Partial<ImagePullWish> = {}): ImagePullWish => ({
  ...{ name, kernel: 'some-kernel', rootBytes: undefined },
  ...change,
});
const pull = (text: string, asked = wish('app')): Promise<StoredImage> =>
  host.puller.pull(host.puller.origin(text), asked, context);
const stored = (): readonly string[] =>
  existsSync(join(root, 'images')) ? readdirSync(join(root, 'images')) : [];

async function bytesOf(image: StoredImage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of host.exporter.bundle(image, never)) pieces.push(piece);
  return Buffer.concat(pieces);
}

/** An image that has what file systems can have. */
async function oddImage(): Promise<StoredImage> {
  const long = `${'d'.repeat(120)}/`;
  const layer = archive([
    { name: 'etc/', type: '5', mode: 0o755 },
    { name: 'etc/os-release', content: 'ID=small\n' },
    { name: 'bin/', type: '5', mode: 0o755 },
    { name: 'bin/sh', content: '#!', mode: 0o4755, uid: 3, gid: 4 },
    { name: 'bin/dash', type: '1', link: 'bin/sh' },
    { name: 'bin/owned', mode: 0o644, pax: { uid: '4000000000', gid: '3000000', mtime: '-1.25' } },
    { name: long, type: '5', mode: 0o700 },
    { name: `${long}${'f'.repeat(200)}\n\xff`, content: 'long' },
    { name: `${long}again`, type: '1', link: `${long}${'f'.repeat(200)}\n\xff` },
    {
      name: 'xattrs',
      pax: { 'SCHILY.xattr.user.a': Buffer.from([0, 1, 10]), mtime: '1700000000.123456789' },
    },
    { name: 'link', type: '2', link: `/${'t'.repeat(300)}` },
    { name: 'dev/', type: '5', mode: 0o755 },
    { name: 'dev/null', type: '3', major: 1, minor: 3 },
    { name: 'dev/disk', type: '4', major: 259, minor: 70_000 },
    { name: 'fifo', type: '6' },
    { name: 'root/', type: '5', mode: 0o700 },
    { name: 'root/.profile', content: 'hello' },
    {
      name: 'sparse',
      content: Buffer.concat([
        Buffer.from('2\n0\n4\n4194304\n4\n'.padEnd(512, '\0'), 'latin1'),
        Buffer.from('headtail'),
      ]),
      pax: {
        'GNU.sparse.major': '1',
        'GNU.sparse.minor': '0',
        'GNU.sparse.name': 'sparse',
        'GNU.sparse.realsize': String(8 * MIB),
      },
    },
  ]);
  const directory = join(root, 'layout');
  writeLayout(directory, [layer], {
    config: { Env: ['A=1'], Cmd: ['/bin/sh', '-l'], WorkingDir: '/srv', User: '3' },
  });
  return pull(`oci:${directory}`, wish('odd', { rootBytes: 2 * GIB }));
}

test('an image that is exported and pulled elsewhere is the same in every path, and in what it says', async () => {
  const image = await oddImage();
  const [rootDisk, workTemplate] = [await listing(image.rootDisk), await listing(image.workTemplate)];
  const bytes = await bytesOf(image);
  expect(bytes.length).toBeLessThan(10_000);
  expect(await bytesOf(image)).toEqual(bytes);
  writeFileSync(join(root, 'odd.tar.zst'), bytes);
  const again = await pull(`bundle:${join(root, 'odd.tar.zst')}`);
  expect(await listing(again.rootDisk)).toEqual(rootDisk);
  expect(await listing(again.workTemplate)).toEqual(workTemplate);
  expect(statSync(again.rootDisk).blocks * 512).toBeLessThan(64 * MIB);
  const { config, distribution, init, description } = image.manifest as Extract<
    StoredImage['manifest'],
    { source: 'oci' }
  >;
  expect(again.manifest).toMatchObject({
    ...{ config, distribution, init, description, shell: true },
    ...{ name: 'app', source: 'bundle', kernel: 'some-kernel', rootBytes: 2 * GIB, leastRootBytes: GIB },
    reference: `bundle:${join(root, 'odd.tar.zst')}`,
    digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
  });
  expect(await pull(`bundle:${join(root, 'odd.tar.zst')}`)).toEqual(again);
});

test('an image of a recipe says nothing of its use, as a bundle too', async () => {
  const recipe = await host.builder.build('debian-bookworm', context);
  writeFileSync(join(root, 'b'), await bytesOf(recipe));
  const { manifest } = await pull(`bundle:${join(root, 'b')}`);
  expect(manifest).toMatchObject({ config: { env: [], cmd: [] }, rootBytes: recipe.manifest.rootBytes });
});

test('the kernel that it asks for is told before anything is made', async () => {
  writeFileSync(join(root, 'b'), bundleFile(bundleRoot, { ...bundleManifest, kernel: 'team-6.12' }));
  expect(await host.puller.kernelOf(host.puller.origin(`bundle:${join(root, 'b')}`))).toBe('team-6.12');
  await expect(host.puller.kernelOf(host.puller.origin('bundle:/no/such'))).rejects.toMatchObject({
    code: 'invalid_argument',
  });
  expect(stored()).toEqual([]);
});

test('one that is told to be smaller or larger is', async () => {
  writeFileSync(join(root, 'b'), bundleFile());
  const { manifest } = await pull(`bundle:${join(root, 'b')}`, wish('app', { rootBytes: 3 * GIB }));
  expect(manifest.rootBytes).toBe(3 * GIB);
});

const counting = (entries: number, bytes: number): object => ({
  ...bundleManifest,
  content: { entries, bytes },
});
const [rootEntry = { name: '' }, fileEntry = { name: '' }] = bundleRoot;
const bomb = { name: 'rootfs/bomb', content: Buffer.alloc(64 * MIB) };
const cut = (bytes: Buffer): Buffer => bytes.subarray(0, bytes.length - 9);

test.each<[string, Buffer, string]>([
  ['that is empty', Buffer.alloc(0), 'image_invalid'],
  ['that is something else', Buffer.from('hello'.repeat(500)), 'image_invalid'],
  ['without a manifest', zstdCompressSync(archive(bundleRoot)), 'image_invalid'],
  ['of a manifest alone', bundleFile([]), 'image_invalid'],
  [
    'whose manifest is no JSON',
    zstdCompressSync(archive([{ name: 'manifest.json', content: '{' }])),
    'image_invalid',
  ],
  [
    'whose manifest is a link',
    zstdCompressSync(archive([{ name: 'manifest.json', type: '2', link: '/etc/passwd' }])),
    'image_invalid',
  ],
  [
    'whose manifest is too long',
    bundleFile(bundleRoot, { ...bundleManifest, description: 'x'.repeat(2 * MIB) }),
    'image_invalid',
  ],
  [
    'whose manifest says what is not known',
    bundleFile(bundleRoot, { ...bundleManifest, extra: 1 }),
    'image_invalid',
  ],
  ['whose name leads out', bundleFile(bundleRoot, { ...bundleManifest, name: '../x' }), 'image_invalid'],
  ['whose init leads out', bundleFile(bundleRoot, { ...bundleManifest, init: '/../x' }), 'image_invalid'],
  ['of a later version', bundleFile(bundleRoot, { ...bundleManifest, bundle: 2 }), 'image_unsupported'],
  [
    'for another architecture',
    bundleFile(bundleRoot, { ...bundleManifest, arch: 'aarch64' }),
    'image_unsupported',
  ],
  [
    'with a root disk larger than any',
    bundleFile(bundleRoot, { ...bundleManifest, rootBytes: 2 ** 50 }),
    'image_invalid',
  ],
  [
    'with a root disk too small for it',
    bundleFile(bundleRoot, { ...bundleManifest, rootBytes: MIB }),
    'image_invalid',
  ],
  [
    'with a file beside the root',
    bundleFile([...bundleRoot, { name: 'other' }], counting(3, 5)),
    'image_invalid',
  ],
  [
    'with a second manifest',
    bundleFile([...bundleRoot, { name: 'manifest.json', content: '{}' }], counting(3, 7)),
    'image_invalid',
  ],
  [
    'with a path that leads out',
    bundleFile([...bundleRoot, { name: 'rootfs/../../x' }], counting(3, 5)),
    'image_invalid',
  ],
  [
    'with an absolute path',
    bundleFile([...bundleRoot, { name: '/rootfs/x' }], counting(3, 5)),
    'image_invalid',
  ],
  [
    'with a hard link that leads out',
    bundleFile([...bundleRoot, { name: 'rootfs/x', type: '1', link: 'manifest.json' }], counting(3, 5)),
    'image_invalid',
  ],
  [
    'with a name that hides another',
    bundleFile([...bundleRoot, { name: 'rootfs/.wh.f' }], counting(3, 5)),
    'image_invalid',
  ],
  ['with a path twice', bundleFile([...bundleRoot, fileEntry], counting(3, 10)), 'image_invalid'],
  [
    'with a path twice, written in two ways',
    bundleFile([...bundleRoot, { name: 'rootfs//./f' }], counting(3, 5)),
    'image_invalid',
  ],
  [
    'whose root is a link',
    bundleFile([{ name: 'rootfs', type: '2', link: '/etc' }, fileEntry]),
    'image_invalid',
  ],
  [
    'with a file below a file',
    bundleFile([...bundleRoot, { name: 'rootfs/f/g' }], counting(3, 5)),
    'image_invalid',
  ],
  ['with more entries than it says', bundleFile([...bundleRoot, { name: 'rootfs/g' }]), 'image_invalid'],
  ['with less', bundleFile([rootEntry], counting(2, 5)), 'image_invalid'],
  ['with more bytes than it says', bundleFile([...bundleRoot, bomb], counting(3, MIB)), 'image_invalid'],
  ['with less bytes', bundleFile(bundleRoot, counting(2, MIB)), 'image_invalid'],
  ['that is cut off', cut(bundleFile()), 'image_invalid'],
  ['with something behind it', Buffer.concat([bundleFile(), Buffer.from('x')]), 'image_invalid'],
])('a bundle %s is refused, and nothing is left', async (_what, bytes, code) => {
  writeFileSync(join(root, 'b'), bytes);
  await expect(pull(`bundle:${join(root, 'b')}`)).rejects.toMatchObject({ code });
  expect(stored()).toEqual([]);
});

describe('an export', () => {
  test('of what no archive can carry is refused', async () => {
    writeLayout(join(root, 'l'), [archive([{ name: 'f', content: 'x' }])]);
    const image = await pull(`oci:${join(root, 'l')}`);
    writeFileSync(join(root, 'empty'), '');
    await expect(bytesOf({ ...image, rootDisk: join(root, 'empty') })).rejects.toMatchObject({
      code: 'image_invalid',
    });
  });

  test('ends when nobody wants it any more', async () => {
    const image = await oddImage();
    const stop = new AbortController();
    stop.abort();
    const reading = async (): Promise<void> => {
      for await (const _ of host.exporter.bundle(image, stop.signal));
    };
    await expect(reading()).rejects.toThrow();
  });
});
