import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { StageContext, StageProgress } from '../../../domain/stage-progress.ts';
import { NOW, problems } from '../ext4/image.suite.ts';
import { convertLayers } from './convert-image.ts';
import type { DiskOptions, ImageDisks } from './image-disks.ts';
import { sha256, writeLayout } from './layout.suite.ts';
import { randomLayers } from './random-layers.suite.ts';
import { archive } from './tar/archive.suite.ts';
import { openImage, type LocalImage } from './source/open-image.ts';
import { layersOfFiles, type OpenedImage } from './source/opened-image.ts';
import { skopeo } from './tools.suite.ts';
import { inDirectory, inImage } from './trees.suite.ts';

const MIB = 1024 ** 2;

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'oci-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const at = (name: string): string => join(directory, name);

const idle = (): StageContext => ({ signal: new AbortController().signal, onProgress: () => undefined });

/** Makes the root file system of an image in `file`, and the work disk beside it. */
async function convert(
  source: LocalImage,
  file = at('image'),
  options: Partial<DiskOptions & StageContext> = {},
): Promise<ImageDisks & Pick<OpenedImage, 'config'>> {
  const scratch = mkdtempSync(at('scratch-'));
  const { layers, config } = await openImage(source, { scratch, ...idle() });
  const disks = await convertLayers(layers, {
    rootFile: file,
    workFile: `${file}.work`,
    now: NOW,
    random: (count) => Buffer.alloc(count, 'some seed or so.'),
    ...idle(),
    ...options,
  });
  return { ...disks, config };
}

function run(argv: readonly [string, ...string[]]): void {
  const [program, ...rest] = argv;
  const { status, stderr, error } = spawnSync(program, rest, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${argv.join(' ')}: ${stderr} ${String(error)}`);
}

/** Only root can give files to others, which is what umoci is to do. */
describe.runIf(process.getuid?.() === 0)('the tree', () => {
  it.each([1, 2, 3, 4])(
    'is what umoci unpacks, in every attribute (seed %i)',
    async (seed) => {
      writeLayout(at('layout'), randomLayers(seed, 12, 60), {
        packing: (layer) => (layer % 3 === 0 ? 'plain' : 'gzip'),
      });
      run(['umoci', 'raw', 'unpack', '--image', `${at('layout')}:image`, at('rootfs')]);
      await convert({ path: at('layout') });
      expect(problems(at('image'))).toBe('');
      const [expected, found] = [await inDirectory(at('rootfs')), inImage(at('image'))];
      // No layer has the root: each tool makes it as it likes.
      for (const tree of [expected, found]) tree.delete('');
      expect(found.size).toBeGreaterThan(50);
      expect(found).toEqual(expected);
    },
    60_000,
  );
});

it('is the same from a layout, its archive, an archive of docker save, and with zstd', async () => {
  const layers = randomLayers(7, 6, 30);
  writeLayout(at('layout'), layers);
  writeLayout(at('zstd'), layers, { packing: () => 'zstd' });
  for (const to of [`oci-archive:${at('oci.tar')}:image`, `docker-archive:${at('docker.tar')}:some/image:1`])
    skopeo(directory, ['copy', `oci:${at('layout')}:image`, to]);
  await convert({ path: at('layout') });
  const expected = inImage(at('image'));
  writeFileSync(at('oci.tar.gz'), gzipSync(readFileSync(at('oci.tar'))));
  writeFileSync(at('docker.tar.zst'), zstdCompressSync(readFileSync(at('docker.tar'))));
  for (const path of ['zstd', 'oci.tar', 'docker.tar', 'oci.tar.gz', 'docker.tar.zst']) {
    await convert({ path: at(path) }, at(`${path}.image`));
    expect(inImage(at(`${path}.image`))).toEqual(expected);
  }
}, 60_000);

it('tells how the image wants to be run', async () => {
  writeLayout(at('layout'), [archive([])], {
    config: {
      Env: ['PATH=/bin', 'A=b'],
      WorkingDir: '/srv',
      User: '1000:1000',
      Entrypoint: ['/bin/a'],
      Cmd: null,
      ExposedPorts: { '80/tcp': {} },
    },
  });
  expect((await convert({ path: at('layout'), reference: 'image' })).config).toEqual({
    env: ['PATH=/bin', 'A=b'],
    cwd: '/srv',
    user: '1000:1000',
    entrypoint: ['/bin/a'],
    cmd: [],
    exposedPorts: ['80/tcp'],
  });
});

it('makes both disks, for nobody to write, and tells how far it is', async () => {
  const layers = [
    archive([
      { name: 'root/', type: '5', mode: 0o750, uid: 7 },
      { name: 'root/.profile', content: 'older' },
      { name: 'etc/shared', content: 'shared', mode: 0o640 },
      { name: 'root/shared', type: '1', link: 'etc/shared' },
      { name: 'root/again', type: '1', link: 'etc/shared' },
      { name: 'large', content: Buffer.alloc(2 * MIB, 'large') },
    ]),
    archive([
      { name: 'root/.profile', content: 'newer' },
      { name: 'root/.cache/sparse', content: Buffer.concat([Buffer.alloc(2 * MIB), Buffer.from('end')]) },
      { name: 'root/link', type: '2', link: '/etc/shared' },
    ]),
  ];
  writeLayout(at('layout'), layers);
  const told: StageProgress[] = [];
  const disks = await convert({ path: at('layout') }, at('image'), {
    onProgress: (progress) => told.push(progress),
  });
  for (const file of ['image', 'image.work']) {
    expect(problems(at(file))).toBe('');
    expect(lstatSync(at(file)).mode & 0o777).toBe(0o400);
  }
  expect(disks).toMatchObject({ rootBytes: 8 * 1024 * MIB, leastRootBytes: 1024 * MIB, workBytes: 64 * MIB });
  expect([lstatSync(at('image')).size, lstatSync(at('image.work')).size]).toEqual([
    disks.rootBytes,
    disks.workBytes,
  ]);
  expect(disks.contentBytes).toBeGreaterThan(2 * MIB);
  expect(disks.contentBytes).toBeLessThan(2.2 * MIB);

  const work = inImage(at('image.work'));
  expect([...work.keys()].toSorted()).toEqual(
    ['', '.cache', '.cache/sparse', '.profile', 'again', 'link', 'shared'].toSorted(),
  );
  const root = inImage(at('image'));
  for (const [path, { same, ...entry }] of work) {
    const { same: first = '', ...expected } = root.get(path === '' ? 'root' : `root/${path}`) ?? {};
    expect([path, entry]).toEqual([path, expected]);
    // What has a name outside /root is a file of its own here.
    expect(same).toBe(first === 'etc/shared' ? 'again' : first.replace(/^root\/?/, ''));
  }
  const total = told.at(-1)?.total ?? 0;
  expect(told.at(-1)).toMatchObject({ stage: 'Writing the disk', done: total, unit: 'bytes' });
  expect(told.map(({ done }) => done)).toEqual(
    told.map(({ done }) => done).toSorted((a = 0, b = 0) => a - b),
  );
  // The newest layer comes first, and each to its end.
  const ends = told.filter(({ part }) => part !== undefined && part.done === part.total);
  expect(ends.map(({ part }) => part?.name)).toEqual(
    layers.toReversed().map((layer) => sha256(gzipSync(layer))),
  );
});

it('makes the root file system as large as is wished', async () => {
  writeLayout(at('layout'), [archive([{ name: 'a', content: 'content' }])]);
  const disks = await convert({ path: at('layout') }, at('image'), { rootBytes: 100 * 1024 * MIB });
  expect(disks).toMatchObject({ rootBytes: 100 * 1024 * MIB, leastRootBytes: 1024 * MIB });
  expect(lstatSync(at('image')).size).toBe(100 * 1024 * MIB);
  expect(problems(at('image'))).toBe('');
});

it('takes the home where a link leads, and an empty one where there is none', async () => {
  for (const [link, names] of [
    ['var/home', ['', 'in-home']],
    ['/var/home/', ['', 'in-home']],
    ['/', ['']],
    ['nowhere', ['']],
    ['file', ['']],
  ] as const) {
    rmSync(at('layout'), { recursive: true, force: true });
    writeLayout(at('layout'), [
      archive([
        { name: 'file', content: 'x' },
        { name: 'var/home/in-home', content: 'x' },
        { name: 'root', type: '2', link },
      ]),
    ]);
    await convert({ path: at('layout') }, at(`image-${names.length}-${link.length}`));
    const work = at(`image-${names.length}-${link.length}.work`);
    expect(problems(work)).toBe('');
    expect([...inImage(work).keys()]).toEqual(names);
  }
});

it('takes layers that lie in files of their own', async () => {
  const layer = gzipSync(archive([{ name: 'a', content: 'content' }]));
  writeFileSync(at('blob'), layer);
  const file = { path: at('blob'), digest: sha256(layer), bytes: layer.length };
  const layers = layersOfFiles([file], [sha256(archive([{ name: 'a', content: 'content' }]))]);
  await convertLayers(layers, {
    rootFile: at('image'),
    workFile: at('image.work'),
    now: NOW,
    random: (count) => Buffer.alloc(count, 1),
    ...idle(),
  });
  expect(inImage(at('image')).get('a')).toMatchObject({ content: 'content' });
});

it('begins anew when a layer has several entries for one path', async () => {
  writeLayout(at('layout'), [
    archive([
      { name: 'a', content: 'first' },
      { name: 'a', content: 'second' },
    ]),
  ]);
  await convert({ path: at('layout') });
  expect(problems(at('image'))).toBe('');
  expect(inImage(at('image')).get('a')).toMatchObject({ content: 'second' });
});

describe('what is refused, and leaves no file', () => {
  const layer = archive([{ name: 'a', content: 'content' }]);
  const blob = (digest: string): string => at(`layout/blobs/sha256/${digest.replace('sha256:', '')}`);
  const change = (key: string, value: unknown, of: 'index' | 'manifest' | 'config') => ({
    change: (what: string, json: Record<string, unknown>) => (what === of ? { ...json, [key]: value } : json),
  });
  const refused = async (message: string, code = 'image_invalid'): Promise<void> => {
    await expect(convert({ path: at('layout') })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message) as string,
    });
    expectNoFile();
  };
  const expectNoFile = (): void => {
    for (const file of ['image', 'image.work']) expect(existsSync(at(file))).toBe(false);
  };

  const zeros = `sha256:${'0'.repeat(64)}`;
  const oci = 'application/vnd.oci.image';
  const entry = { mediaType: `${oci}.manifest.v1+json`, digest: zeros, size: 1 };

  it.each<[string, Parameters<typeof writeLayout>[2], string]>([
    ['more layers than the configuration has', change('layers', [], 'manifest'), 'says 1'],
    [
      'a configuration without layers',
      change('rootfs', { type: 'layers', diff_ids: [] }, 'config'),
      'says 0',
    ],
    [
      'another diff_id',
      change('rootfs', { type: 'layers', diff_ids: [zeros] }, 'config'),
      'another digest than',
    ],
    [
      'a diff_id that is none',
      change('rootfs', { type: 'layers', diff_ids: ['sha256:../x'] }, 'config'),
      'not right at rootfs.diff_ids.0',
    ],
    ['a blob that is not there', change('manifests', [entry], 'index'), 'lacks'],
    [
      'a digest with a path in it',
      change('manifests', [{ ...entry, digest: 'sha256:../../../etc/passwd' }], 'index'),
      'not right at manifests.0.digest',
    ],
    ['no images', change('manifests', [], 'index'), 'no image'],
    ['an index that is a manifest, too', change('manifests', [], 'manifest'), 'differ about it'],
    ['a NUL in what is to be run', change('config', { Cmd: ['a\0b'] }, 'config'), 'config.Cmd.0'],
  ])('%s', async (_, options, message) => {
    writeLayout(at('layout'), [layer], options);
    await refused(message);
  });

  it.each<[string, Parameters<typeof writeLayout>[2], string]>([
    ['another architecture', { architecture: 'arm64' }, 'linux/arm64'],
    [
      'no platform of ours',
      change('manifests', [{ ...entry, platform: { os: 'linux', architecture: 's390x' } }], 'index'),
      'linux/s390x',
    ],
    [
      'a layer of a type that is not known',
      change('layers', [{ ...entry, mediaType: 'text/plain' }], 'manifest'),
      'text/plain',
    ],
    [
      'a layer that is encrypted',
      change('layers', [{ ...entry, mediaType: `${oci}.layer.v1.tar+gzip+encrypted` }], 'manifest'),
      '+encrypted',
    ],
    [
      'what is no image of a machine',
      change('config', { ...entry, mediaType: 'application/vnd.cncf.helm.config.v1+json' }, 'manifest'),
      'helm',
    ],
    ['a manifest of another version', change('schemaVersion', 1, 'manifest'), 'schema 1'],
  ])('%s, which is no fit', async (_, options, message) => {
    writeLayout(at('layout'), [layer], options);
    await refused(message, 'image_unsupported');
  });

  it('a layer that was changed, cut off or made longer', async () => {
    writeLayout(at('layout'), [layer], { packing: () => 'plain' });
    const file = blob(sha256(layer));
    writeFileSync(file, Buffer.from(layer).fill('x', 512, 513));
    await refused('another digest than');
    writeFileSync(file, layer.subarray(0, 700));
    await refused('has 700 bytes');
  });

  it('a layer that is packed badly', async () => {
    for (const [packing, cut] of [
      ['gzip', 10],
      ['zstd', 5],
    ] as const) {
      rmSync(at('layout'), { recursive: true, force: true });
      let packed = '';
      writeLayout(at('layout'), [layer], {
        packing: () => packing,
        change: (what, json) => {
          if (what !== 'manifest') return json;
          const [descriptor] = json['layers'] as { digest: string; size: number }[];
          const bad = readFileSync(blob(descriptor!.digest)).subarray(0, -cut);
          packed = bad.toString('latin1');
          const digest = sha256(bad);
          writeFileSync(blob(digest), bad);
          return { ...json, layers: [{ ...descriptor, digest, size: bad.length }] };
        },
      });
      expect(packed.length).toBeGreaterThan(20);
      await refused('cannot be unpacked');
    }
  });

  it('a size that is too small, with both figures', async () => {
    writeLayout(at('layout'), [archive([{ name: 'a', content: Buffer.alloc(16 * MIB, 'x') }])]);
    await expect(
      convert({ path: at('layout') }, at('image'), { rootBytes: 512 * MIB }),
    ).rejects.toMatchObject({
      code: 'invalid_argument',
      message: expect.stringMatching(/ 536870912 bytes is too small .* 1073741824 bytes/) as string,
      details: { given: 512 * MIB, needed: 1024 * MIB },
    });
    expectNoFile();
  });

  it('what was cancelled', async () => {
    writeLayout(at('layout'), [layer]);
    await expect(
      convert({ path: at('layout') }, at('image'), { signal: AbortSignal.abort() }),
    ).rejects.toMatchObject({
      code: 'cancelled',
    });
    expectNoFile();
  });

  it('an archive that is packed badly, or by something else', async () => {
    const packed = gzipSync(archive([{ name: 'a', content: 'content' }]));
    writeFileSync(at('layout'), packed.subarray(0, -10));
    await refused('cannot be unpacked');
    for (const magic of ['fd377a585a0000', '425a6839']) {
      writeFileSync(at('layout'), Buffer.concat([Buffer.from(magic, 'hex'), Buffer.alloc(600)]));
      await refused('is packed by', 'image_unsupported');
    }
  });

  it('no image, a file that is no archive, and an archive of something else', async () => {
    await expect(convert({ path: at('none') })).rejects.toMatchObject({ code: 'invalid_argument' });
    writeFileSync(at('layout'), 'text'.repeat(200));
    await refused('or no archive');
    writeFileSync(at('layout'), layer);
    await refused('not of an image');
  });
});
