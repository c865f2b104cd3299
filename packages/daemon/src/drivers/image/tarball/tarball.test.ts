import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StageContext } from '../../../domain/stage-progress.ts';
import { bundleFile } from '../bundle/bundle.suite.ts';
import type { ImagePullWish, StoredImage } from '../driver.ts';
import { listing } from '../ext4/read/listing.suite.ts';
import { createFakeImages } from '../fake/fake-image-host.ts';
import { sha256, writeLayout } from '../oci/layout.suite.ts';
import { archive, streamed, type Written } from '../oci/tar/archive.suite.ts';

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;
const never = new AbortController().signal;
const context: StageContext = { signal: never, onProgress: () => undefined };

let root: string;
let host: ReturnType<typeof createFakeImages>;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'banger-tarball-'));
  host = createFakeImages(join(root, 'images'));
});
afterEach(() => rmSync(root, { recursive: true }));

const wish = (change: Partial<ImagePullWish> = {}): ImagePullWish => ({
  ...{ name: 'app', kernel: 'some-kernel', rootBytes: undefined },
  ...change,
});
const pull = (text: string, asked = wish()): Promise<StoredImage> =>
  host.puller.pull(host.puller.origin(text), asked, context);
const stored = (): readonly string[] =>
  existsSync(join(root, 'images')) ? readdirSync(join(root, 'images')) : [];
/** Writes a file, and gives the text that it is pulled by. */
function given(bytes: Buffer, name = 'root.tar'): string {
  writeFileSync(join(root, name), bytes);
  return `tarball:${join(root, name)}`;
}

/** As `tar -C TREE -c .` writes it. */
const entries: readonly Written[] = [
  { name: './', type: '5', mode: 0o755 },
  { name: './etc/', type: '5', mode: 0o755 },
  { name: './etc/os-release', content: 'ID=small\n' },
  { name: './bin/', type: '5', mode: 0o755 },
  { name: './bin/sh', content: '#!', mode: 0o4755, uid: 3, gid: 4 },
  { name: './bin/dash', type: '1', link: './bin/sh' },
  { name: './root/', type: '5', mode: 0o700 },
  { name: './root/.profile', content: 'hello' },
  { name: './dev/null', type: '3', major: 1, minor: 3 },
  { name: './xattrs', pax: { 'SCHILY.xattr.user.a': 'b' } },
  // Of a site that is served from there.
  { name: './manifest.json', content: '{"name": "site", "icons": []}' },
];
const tarball = archive(entries);
const plain = entries.slice(0, -1);

describe('a tarball', () => {
  test.each<[string, (bytes: Buffer) => Buffer]>([
    ['as it is', (bytes) => bytes],
    ['packed by gzip', (bytes) => gzipSync(bytes)],
    ['packed by zstd', (bytes) => zstdCompressSync(bytes)],
  ])('is the root file system that it holds: %s', async (_what, pack) => {
    writeLayout(join(root, 'layout'), [tarball]);
    const expected = await pull(`oci:${join(root, 'layout')}`, wish({ name: 'other' }));
    const bytes = pack(tarball);
    const image = await pull(given(bytes), wish({ rootBytes: 2 * GIB }));
    expect(await listing(image.rootDisk)).toEqual(await listing(expected.rootDisk));
    expect(await listing(image.workTemplate)).toEqual(await listing(expected.workTemplate));
    expect(image.manifest).toMatchObject({
      ...{ name: 'app', source: 'tarball', reference: `tarball:${join(root, 'root.tar')}` },
      ...{ digest: sha256(bytes), distribution: 'small', init: 'agent', shell: true },
      ...{ kernel: 'some-kernel', rootBytes: 2 * GIB },
    });
    expect(readdirSync(image.directory)).toEqual(['manifest.json', 'root.ext4', 'work.ext4']);
    expect(await pull(given(bytes))).toEqual(image);
  });

  test('becomes a bundle, of which the same image is made', async () => {
    const image = await pull(given(tarball));
    const pieces: Buffer[] = [];
    for await (const piece of host.exporter.bundle(image, never)) pieces.push(piece);
    writeFileSync(join(root, 'app.tar.zst'), Buffer.concat(pieces));
    const again = await pull(`bundle:${join(root, 'app.tar.zst')}`, wish({ name: 'again' }));
    expect(await listing(again.rootDisk)).toEqual(await listing(image.rootDisk));
    expect(again.manifest).toMatchObject({ source: 'bundle', shell: true, config: { cmd: [] } });
  });

  test('whose init is systemd has it as process 1', async () => {
    const image = await pull(
      given(
        archive([
          { name: 'lib/systemd/systemd', mode: 0o755 },
          { name: 'sbin/init', type: '2', link: '/lib/systemd/systemd' },
        ]),
      ),
    );
    expect(image.manifest.init).toBe('/sbin/init');
  });

  test('that a client sends is what the client says', async () => {
    const client = new AbortController();
    const sent = await host.uploads.receive(streamed(gzipSync(archive(plain))), client.signal);
    expect((await pull(`tarball:upload:${sent}`)).manifest).toMatchObject({ source: 'tarball' });
    await expect(pull(`upload:${sent}`, wish({ name: 'other' }))).rejects.toMatchObject({
      code: 'image_invalid',
      hint: expect.stringContaining('tarball:-') as string,
    });
    client.abort();
    await expect.poll(stored).toEqual(['app']);
  });
});

/** An archive as `docker save` writes it, and one of a layout. */
const dockerArchive = archive([
  { name: 'config.json', content: '{}' },
  { name: 'a/layer.tar', content: tarball },
  { name: 'manifest.json', content: JSON.stringify([{ Config: 'config.json', Layers: ['a/layer.tar'] }]) },
]);
const ociArchive = archive([
  { name: 'blobs/', type: '5' },
  { name: './index.json', content: '{}' },
  { name: './oci-layout', content: '{"imageLayoutVersion": "1.0.0"}' },
]);

test.each([
  ['docker save', dockerArchive, 'docker-archive:'],
  ['an OCI layout', ociArchive, 'oci-archive:'],
  ['a bundle', zstdDecompressSync(bundleFile()), 'bundle:'],
])(
  'an archive of %s is no root file system, and the hint says how it is pulled',
  async (_what, bytes, hint) => {
    for (const pack of [(whole: Buffer) => whole, gzipSync, zstdCompressSync])
      await expect(pull(given(pack(bytes)))).rejects.toMatchObject({
        code: 'image_invalid',
        hint: expect.stringContaining(hint) as string,
      });
    expect(stored()).toEqual([]);
  },
);

test.each(['oci-archive', 'docker-archive', 'bundle'])(
  'a tarball is no %s, and the hint says how it is pulled',
  async (transport) => {
    const path = given(archive(plain)).replace('tarball:', '');
    await expect(pull(`${transport}:${path}`)).rejects.toMatchObject({
      code: 'image_invalid',
      hint: expect.stringContaining('tarball:') as string,
    });
    expect(stored()).toEqual([]);
  },
);

const bomb = { name: 'bomb', size: 300 * GIB };
const withoutEnd = tarball.subarray(0, tarball.length - 1024);

test.each<[string, Buffer, string]>([
  ['that is empty', Buffer.alloc(0), 'image_invalid'],
  ['without entries', archive([]), 'image_invalid'],
  ['that is something else', Buffer.from('hello'.repeat(500)), 'image_invalid'],
  ['packed by xz', Buffer.from('fd377a585a000004', 'hex'), 'image_unsupported'],
  ['that is cut off', tarball.subarray(0, tarball.length - 4000), 'image_invalid'],
  ['that is cut off behind an entry', withoutEnd, 'image_invalid'],
  ['that was cut off before it was packed', gzipSync(withoutEnd), 'image_invalid'],
  ['whose packing is cut off', gzipSync(tarball).subarray(0, 100), 'image_invalid'],
  ['with a path that leads out', archive([...entries, { name: '../x' }]), 'image_invalid'],
  [
    'with a hard link that leads out',
    archive([...entries, { name: 'x', type: '1', link: '../x' }]),
    'image_invalid',
  ],
  [
    'with a hard link to nothing',
    archive([...entries, { name: 'x', type: '1', link: 'nothing' }]),
    'image_invalid',
  ],
  ['that is a layer', archive([...entries, { name: 'etc/.wh.motd' }]), 'image_invalid'],
  ['that is a layer with a directory of its own', archive([{ name: 'a/.wh..wh..opq' }]), 'image_invalid'],
  ['with a file below a file', archive([...entries, { name: 'bin/sh/x' }]), 'image_invalid'],
  ['that holds more than any image', archive([bomb]), 'image_invalid'],
])('a tarball %s is refused, and nothing is left', async (_what, bytes, code) => {
  await expect(pull(given(bytes))).rejects.toMatchObject({ code });
  expect(stored()).toEqual([]);
});

test('what is no file is refused', async () => {
  mkdirSync(join(root, 'directory'));
  for (const name of ['nothing', 'directory'])
    await expect(pull(`tarball:${join(root, name)}`)).rejects.toMatchObject({ code: 'invalid_argument' });
  await expect(pull(given(tarball), wish({ rootBytes: MIB }))).rejects.toMatchObject({
    code: 'invalid_argument',
  });
  expect(stored()).toEqual([]);
});
