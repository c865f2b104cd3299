import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sha256, writeLayout } from '../layout.suite.ts';
import { archive, type Written } from '../tar/archive.suite.ts';
import { openImage } from './open-image.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'open-image-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const context = { signal: new AbortController().signal, onProgress: () => undefined };
const layers = ['older', 'newer'].map((content) => archive([{ name: 'etc/motd', content }]));
const [older, newer] = layers as [Buffer, Buffer];

/** The layers of an image, whole, oldest first. */
async function opened(path: string, reference?: string): Promise<Buffer[]> {
  const image = await openImage(
    { path, ...(reference === undefined ? {} : { reference }) },
    { ...context, scratch: directory },
  );
  return Promise.all(
    image.layers.map(async (layer) => {
      const pieces: Buffer[] = [];
      for await (const piece of layer.open()) pieces.push(piece);
      return Buffer.concat(pieces);
    }),
  );
}

describe('an archive of docker save', () => {
  const configuration = JSON.stringify({
    os: 'linux',
    architecture: 'amd64',
    rootfs: { type: 'layers', diff_ids: layers.map(sha256) },
  });
  const described = (names: readonly string[], tags: readonly string[] | null = ['box:1']) => ({
    ...{ Config: 'config.json', Layers: names },
    RepoTags: tags,
  });
  /** Writes an archive with this in its manifest and these entries, and answers where. */
  function write(manifest: readonly unknown[], entries: readonly Written[]): string {
    const path = join(directory, 'image.tar');
    const all = [
      { name: 'config.json', content: configuration },
      { name: 'manifest.json', content: JSON.stringify(manifest) },
      ...entries,
    ];
    writeFileSync(path, archive(all));
    return path;
  }
  const files: readonly Written[] = [
    { name: 'a/layer.tar', content: older },
    { name: 'b/layer.tar', content: newer },
  ];
  const refused = async (path: string, message: string, reference?: string): Promise<void> => {
    await expect(opened(path, reference)).rejects.toMatchObject({
      code: 'image_invalid',
      message: expect.stringContaining(message) as string,
    });
  };

  test.each<[string, Written]>([
    ['a symbolic link', { name: 'c/layer.tar', type: '2', link: '../b/layer.tar' }],
    ['a hard link', { name: 'c/layer.tar', type: '1', link: 'b/layer.tar' }],
  ])('may have a layer by %s, as old versions share them', async (_what, entry) => {
    const path = write([described(['a/layer.tar', 'c/layer.tar'])], [...files, entry]);
    expect(await opened(path)).toEqual(layers);
  });

  test.each(['/etc/passwd', '../../../../../../../../etc/passwd', 'layer.tar', '../d/layer.tar'])(
    'whose layer is a link to %s lacks it',
    async (target) => {
      const back = { name: 'd/layer.tar', type: '2', link: '../c/layer.tar' };
      const entry = { name: 'c/layer.tar', type: '2', link: target };
      await refused(write([described(['a/layer.tar', 'c/layer.tar'])], [...files, entry, back]), 'lacks');
    },
  );

  test('that names a layer outside is refused', async () => {
    await refused(write([described(['../../etc/passwd', 'b/layer.tar'])], files), '..');
    await refused(write([described(['/etc/passwd', 'b/layer.tar'])], files), 'lacks');
  });

  test('of several images has each by its tag, in the short form or the full one, and shows what there is', async () => {
    const layer = ['a/layer.tar', 'b/layer.tar'];
    const path = write([described(layer, ['box:1', 'evil:\x1b[31m']), described(layer, ['other'])], files);
    for (const tag of ['box:1', 'docker.io/library/box:1', 'other:latest'])
      expect(await opened(path, tag)).toEqual(layers);
    await refused(path, 'several images');
    await refused(path, 'no such image', 'box:2');
    await expect(opened(path, 'box:2')).rejects.not.toMatchObject({
      message: expect.stringContaining('\x1b') as string,
    });
  });

  test('without images, or with what is no list of them, is refused', async () => {
    await refused(write([], files), 'no such image');
    for (const wrong of [[1], [{}], [{ Config: 1, Layers: [] }], [described([''])]])
      await expect(opened(write(wrong, files))).rejects.toMatchObject({ code: 'image_invalid' });
  });
});

describe('a layout', () => {
  const blob = (bytes: Buffer): string =>
    join(directory, 'layout/blobs/sha256', sha256(bytes).replace('sha256:', ''));
  beforeEach(() => writeLayout(join(directory, 'layout'), layers, { packing: () => 'plain' }));

  test('has its layers as they lie there', async () => {
    expect(await opened(join(directory, 'layout'))).toEqual(layers);
  });

  test('whose layer is a fifo, a directory or a link to nothing lacks it, and is not waited for', async () => {
    for (const put of [
      (path: string) => void execFileSync('mkfifo', [path]),
      (path: string) => mkdirSync(path),
      (path: string) => symlinkSync('/nowhere', path),
    ]) {
      rmSync(blob(newer), { recursive: true });
      put(blob(newer));
      await expect(opened(join(directory, 'layout'))).rejects.toMatchObject({
        code: 'image_invalid',
        message: expect.stringContaining('lacks') as string,
      });
    }
  });
});
