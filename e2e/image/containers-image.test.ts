import { globSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AptArchive } from '@banger/daemon/drivers/kernel/apt-archive';
import { convertLayers } from '@banger/daemon/drivers/image/oci/convert-image';
import { decompressed } from '@banger/daemon/drivers/image/oci/decompress';
import { readImageConfig } from '@banger/daemon/drivers/image/oci/image-config';
import { intoLayout, tagLayout } from '@banger/daemon/drivers/image/oci/layout.suite';
import { openImage } from '@banger/daemon/drivers/image/oci/source/open-image';
import { skopeo } from '@banger/daemon/drivers/image/oci/tools.suite';
import { createRunner } from '@banger/daemon/host/execa-runner';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

/*
 * What containers/image (skopeo, podman, buildah) tests itself with, from Debian's package of its sources: each file is read, or refused with the
 * code that stands here. The package is fetched for the test alone, as to install it draws in hundreds of others.
 */

const PACKAGE = 'golang-github-containers-image-dev';
const SOURCES = 'usr/share/gocode/src/github.com/containers/image';
const IS_ROOT = process.getuid?.() === 0;

const runner = createRunner();
const context = { signal: new AbortController().signal, onProgress: () => undefined };
let directory: string;
/** The fixtures by path, without those that are there twice. */
let fixtures: string;
let count = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'banger-e2e-fixtures-'));
  const download = join(directory, 'download');
  await mkdir(download);
  let archive = AptArchive.installed(runner, context.signal);
  let found = await archive.show(PACKAGE);
  if (found === undefined) {
    archive = await AptArchive.fresh(runner, context.signal, directory);
    found = await archive.show(PACKAGE);
  }
  if (found === undefined) throw new Error(`apt knows no ${PACKAGE}`);
  const file = await archive.download(found, download, () => undefined);
  await runner.run(['dpkg-deb', '--extract', file, join(directory, 'package')]);
  fixtures = join(directory, 'package', SOURCES);
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const fixture = (path: string): Buffer => readFileSync(join(fixtures, path));
const scratch = (): Promise<string> => mkdtemp(join(directory, `scratch-${(count += 1)}-`));

/** What becomes of an image in a directory, a file, or a layout of our own: the code of the refusal, and a word of it. */
async function outcome(path: string): Promise<string> {
  try {
    await openImage({ path }, { ...context, scratch: await scratch() });
    return 'opened';
  } catch (error) {
    const { code, message } = error as { readonly code: string; readonly message: string };
    const word = /lacks|schema 1|no image of a machine|layer of type|not there for|not right|none/.exec(
      message,
    );
    return `${code}: ${word?.[0] ?? message}`;
  }
}

/** A layout whose only image is this document. */
async function layoutOf(document: Buffer): Promise<string> {
  const layout = await scratch();
  const put = intoLayout(layout);
  tagLayout(layout, { image: put(document, 'application/vnd.oci.image.manifest.v1+json') });
  return layout;
}

/** Documents by what becomes of them; all others are right and lack their blobs, which the package does not have either. */
const REFUSED: Readonly<Record<string, readonly string[]>> = {
  'image_unsupported: schema 1': [
    'internal/image/fixtures/oci1-to-schema1.json',
    'internal/image/fixtures/schema1-for-oci-config.json',
    'internal/image/fixtures/schema1.json',
    'internal/image/fixtures/schema2-to-schema1-by-docker.json',
    'manifest/fixtures/schema2-to-schema1-by-docker.json',
    'manifest/fixtures/v2s1-invalid-signatures.manifest.json',
    'manifest/fixtures/v2s1-unsigned.manifest.json',
    'manifest/fixtures/v2s1.manifest.json',
    'signature/fixtures/dir-img-cosign-manifest-digest-error/manifest.json',
    'signature/fixtures/dir-img-manifest-digest-error/manifest.json',
    'signature/fixtures/v2s1-invalid-signatures.manifest.json',
  ],
  'image_unsupported: no image of a machine': ['internal/image/fixtures/oci1-artifact.json'],
  'image_unsupported: layer of type': [
    'internal/image/fixtures/oci1-invalid-media-type.json',
    'manifest/fixtures/ociv1.invalid.mediatype.manifest.json',
  ],
  // Lengths of -1, digests of nothing, bytes that are no JSON.
  'image_invalid: not right': [
    'internal/image/fixtures/schema1-to-oci1.json',
    'internal/image/fixtures/schema1-to-schema2.json',
    'manifest/fixtures/non-json.manifest.json',
    'manifest/fixtures/ociv1.artifact.json',
    'manifest/fixtures/ociv1nomime.artifact.json',
  ],
  'image_invalid: none': ['manifest/fixtures/unknown-version.manifest.json'],
};
const CONFIGURATIONS = /(?:oci1|schema2)-config\.json$/;

describe('the documents', () => {
  test('are read, or refused with the code that stands here', async () => {
    const documents = globSync(
      ['internal/image', 'manifest', 'oci/layout', 'signature'].map((of) => `${of}/fixtures/**/*.json`),
      { cwd: fixtures },
    )
      .filter((path) => !CONFIGURATIONS.test(path) && !path.endsWith('policy.json'))
      .toSorted();
    expect(documents.length).toBeGreaterThan(50);
    const found = new Map<string, string[]>();
    for (const path of new Set(documents)) {
      const what = await outcome(await layoutOf(fixture(path)));
      found.set(what, [...(found.get(what) ?? []), path]);
    }
    found.delete('image_invalid: lacks');
    expect(Object.fromEntries(found)).toEqual(REFUSED);
  });

  test('configurations tell how to run', () => {
    const read = (path: string) => readImageConfig(fixture(`internal/image/fixtures/${path}`));
    for (const path of ['oci1-config.json', 'schema2-config.json']) {
      const { config, diffIds } = read(path);
      expect(config).toMatchObject({ cmd: ['httpd-foreground'], exposedPorts: ['80/tcp'], user: '' });
      expect(diffIds).toHaveLength(5);
    }
    for (const path of ['schema1-to-oci1-config.json', 'schema1-to-schema2-config.json'])
      expect(read(path).config).toMatchObject({ user: 'nova', cmd: ['kolla_start'] });
  });
});

test('directories that are no layouts are refused', async () => {
  for (const path of ['oci/layout/fixtures/manifest', 'signature/fixtures/dir-img-valid'])
    expect([path, await outcome(join(fixtures, path))]).toEqual([path, 'image_invalid: lacks']);
});

test('archives are told by their start', async () => {
  const unpacked = async (path: string): Promise<string> => {
    let text = '';
    const bytes = async function* () {
      yield fixture(path);
    };
    for await (const piece of decompressed(bytes())) text += piece.toString('latin1');
    return text;
  };
  for (const end of ['uncompressed', 'gz', 'zst'])
    expect(await unpacked(`pkg/compression/fixtures/Hello.${end}`)).toBe('Hello');
  for (const end of ['bz2', 'xz'])
    expect(await outcome(join(fixtures, `pkg/compression/fixtures/Hello.${end}`))).toMatch(
      /^image_unsupported: .* packed by/,
    );
});

test.runIf(IS_ROOT)('the archive of docker save is the tree that another tool makes of it', async () => {
  const path = join(fixtures, 'docker/archive/fixtures/almostempty.tar');
  const work = await scratch();
  const { layers } = await openImage({ path }, { ...context, scratch: work });
  const root = join(work, 'root.ext4');
  await convertLayers(layers, {
    ...context,
    rootFile: root,
    workFile: join(work, 'work.ext4'),
    now: { seconds: 0, nanoseconds: 0 },
    random: (bytes) => Buffer.alloc(bytes, 1),
  });
  await runner.run(['e2fsck', '-f', '-n', root]);
  const layout = join(work, 'layout');
  skopeo(work, ['copy', `docker-archive:${path}`, `oci:${layout}:image`]);
  await runner.run(['umoci', 'raw', 'unpack', '--image', `${layout}:image`, join(work, 'tree')]);
  const expected = globSync('**', { cwd: join(work, 'tree') }).filter((name) => name !== '.');
  expect(expected.length).toBeGreaterThan(0);
  const { stdout } = await runner.run(['debugfs', '-R', 'ls -p /', root]);
  const names = [...stdout.matchAll(/^\/\d+\/\d+\/\d+\/\d+\/([^/]+)\//gm)].map(([, name]) => name);
  const own = ['.', '..', 'lost+found'];
  expect(new Set(names.filter((name) => !own.includes(name ?? '')))).toEqual(
    new Set(expected.filter((name) => !name.includes('/'))),
  );
});
