import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StageContext, StageProgress } from '../../../domain/stage-progress.ts';
import { systemClock } from '../../../host/clock.ts';
import type { ImagePullWish, StoredImage } from '../driver.ts';
import { describeBlob, putImage, sha256, writeLayout, type Put } from '../oci/layout.suite.ts';
import { archive } from '../oci/tar/archive.suite.ts';
import { BlobCache } from '../registry/blob-cache.ts';
import { RegistryClient } from '../registry/client.ts';
import {
  startLoopbackServer,
  type LoopbackServer,
  type Respond,
} from '../../../host/http/loopback-server.suite.ts';
import { ImageDirectory } from '../store.ts';
import { OciImagePuller } from './puller.ts';

const MIB = 1024 ** 2;
const layers = [
  archive([
    { name: 'etc/os-release', content: 'ID=small\nVERSION_ID=1\n' },
    { name: 'bin/sh', content: '#!', mode: 0o755 },
    { name: 'root/.profile', content: 'hello' },
  ]),
  archive([{ name: 'etc/motd', content: 'welcome' }]),
];
const config = {
  Env: ['A=1'],
  Cmd: ['/bin/sh', '-l'],
  WorkingDir: '/srv',
  User: '1000',
  ExposedPorts: { '80/tcp': {} },
};

let root: string;
let server: LoopbackServer;
let client: RegistryClient;
let store: ImageDirectory;
let puller: OciImagePuller;
let changes: string[];
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'banger-puller-'));
  server = await startLoopbackServer();
  server.respond = imageOf(layers.map((layer) => gzipSync(layer)));
  const registries = new Map([[server.host, { mirrors: [], plainHttp: true, caFile: undefined }]]);
  const credentials = { find: async () => ({ found: undefined, from: undefined, looked: [] }) };
  client = new RegistryClient({
    ...{ registries, credentials, clock: systemClock },
    cache: new BlobCache(join(root, 'blobs')),
  });
  changes = [];
  store = new ImageDirectory(join(root, 'images'), undefined, (change, name) =>
    changes.push(`${change} ${name}`),
  );
  puller = new OciImagePuller({ store, registry: client, now: () => 0 });
});
afterEach(async () => {
  await client.close();
  await server.close();
  rmSync(root, { recursive: true });
});

/** A registry that has an image of these layers as `app:1`, and nothing else. */
function imageOf(blobs: readonly Buffer[], diffIds = layers.map(sha256)): Respond {
  const files = new Map<string, Buffer>();
  const put: Put = (bytes, mediaType) => {
    const blob = describeBlob(bytes, mediaType);
    files.set(`/v2/app/blobs/${blob.digest}`, bytes);
    return blob;
  };
  const oci = 'application/vnd.oci.image';
  const packed = blobs.map((bytes, at) => ({
    blob: put(bytes, `${oci}.layer.v1.tar+gzip`),
    diffId: diffIds[at] ?? sha256(bytes),
  }));
  const { digest } = putImage(put, packed, {
    config,
    change: (what, value) =>
      what === 'config' ? { ...value, rootfs: { type: 'layers', diff_ids: diffIds } } : value,
  });
  files.set('/v2/app/manifests/1', files.get(`/v2/app/blobs/${digest}`)!);
  return ({ url }, response) => {
    const body = files.get(url);
    if (body === undefined) return void response.writeHead(404).end();
    if (url.includes('manifests')) response.setHeader('content-type', `${oci}.manifest.v1+json`);
    response.writeHead(200, { 'content-length': body.length }).end(body);
  };
}

function context(signal = new AbortController().signal): StageContext & { readonly seen: StageProgress[] } {
  const seen: StageProgress[] = [];
  return { signal, seen, onProgress: (progress) => seen.push(progress) };
}

const wish = (name: string, change: Partial<ImagePullWish> = {}): ImagePullWish => ({
  ...{ name, kernel: 'some-kernel', rootBytes: undefined },
  ...change,
});
const pull = (text: string, asked = wish('app'), told = context()): Promise<StoredImage> =>
  puller.pull(puller.origin(text), asked, told);
const stored = (): readonly string[] => (existsSync(store.staged.root) ? readdirSync(store.staged.root) : []);

test('an image of a registry is stored with all that it says', async () => {
  const told = context();
  const image = await pull(`${server.host}/app:1`, wish('app'), told);
  expect(image.manifest).toMatchObject({
    ...{
      name: 'app',
      source: 'oci',
      reference: `${server.host}/app:1`,
      kernel: 'some-kernel',
      init: 'agent',
    },
    ...{ distribution: 'small', shell: true, createdAt: '1970-01-01T00:00:00.000Z' },
    config: {
      ...{ env: ['A=1'], cmd: ['/bin/sh', '-l'], cwd: '/srv', user: '1000', entrypoint: [] },
      exposedPorts: ['80/tcp'],
    },
    layers: layers.map((layer) => ({ digest: sha256(gzipSync(layer)), bytes: gzipSync(layer).length })),
  });
  expect(statSync(image.rootDisk).mode & 0o777).toBe(0o400);
  expect(stored()).toEqual(['app']);
  expect(changes).toEqual(['added app']);
  const stages = [...new Set(told.seen.map(({ stage }) => stage))];
  expect(stages).toEqual(['Asking the registry', 'Fetching layers', 'Writing the disk', 'Storing the image']);
});

test('the same from the cache says the same, and asks for no layer', async () => {
  const { manifest } = await pull(`${server.host}/app:1`);
  await store.remove('app');
  const before = server.seen.length;
  expect((await pull(`${server.host}/app:1`)).manifest).toEqual(manifest);
  const asked = server.seen.slice(before).map(({ url }) => url);
  expect(asked.filter((url) => layers.some((layer) => url.endsWith(sha256(gzipSync(layer)))))).toEqual([]);
});

test('an image of this machine is stored the same way', async () => {
  const layout = join(root, 'layout');
  writeLayout(layout, layers, { config });
  const { manifest } = await pull(`oci:${layout}`, wish('app', { rootBytes: 2048 * MIB }));
  expect(manifest).toMatchObject({
    reference: `oci:${layout}`,
    rootBytes: 2048 * MIB,
    config: { cwd: '/srv' },
  });
  expect(server.seen).toEqual([]);
});

test('one whose command is an init gets it as process 1, if it is there', async () => {
  const init = archive([
    { name: 'usr/lib/systemd/systemd', mode: 0o755 },
    { name: 'sbin/init', type: '2', link: '/usr/lib/systemd/systemd' },
  ]);
  const layout = (name: string, tar: Buffer, command: readonly string[]): string => {
    writeLayout(join(root, name), [tar], { config: { Cmd: command } });
    return `oci:${join(root, name)}`;
  };
  const of = async (text: string, name: string): Promise<string> =>
    (await pull(text, wish(name))).manifest.init;
  expect(await of(layout('a', init, ['/sbin/init']), 'a')).toBe('/sbin/init');
  expect(await of(layout('b', init, ['/bin/sh']), 'b')).toBe('agent');
  expect(await of(layout('c', archive([]), ['/sbin/init']), 'c')).toBe('agent');
});

describe('nothing is left of a pull', () => {
  test.each<[string, Respond, string]>([
    ['that is not there', (_request, response) => void response.writeHead(404).end(), 'image_not_found'],
    [
      'whose layer unpacks to something else',
      imageOf([gzipSync(layers[1] ?? ''), gzipSync(layers[0] ?? '')]),
      'image_invalid',
    ],
    ['with a layer too few', imageOf([gzipSync(layers[0] ?? '')]), 'image_invalid'],
    [
      'whose layer is no archive',
      imageOf([gzipSync('x'.repeat(600))], [sha256(Buffer.from('x'.repeat(600)))]),
      'image_invalid',
    ],
  ])('of an image %s', async (_what, respond, code) => {
    server.respond = respond;
    await expect(pull(`${server.host}/app:1`)).rejects.toMatchObject({ code });
    expect(stored()).toEqual([]);
    expect(await store.leftovers()).toEqual([]);
  });

  test.each(['Asking the registry', 'Fetching layers', 'Writing the disk', 'Storing the image'])(
    'that is cancelled at: %s',
    async (stage) => {
      const stop = new AbortController();
      const told = context(stop.signal);
      const onProgress = (progress: StageProgress): void => {
        if (progress.stage === stage) stop.abort();
      };
      const pulling = puller.pull(puller.origin(`${server.host}/app:1`), wish('app'), {
        ...told,
        onProgress,
      });
      await expect(pulling).rejects.toMatchObject({ code: 'cancelled' });
      expect(stored()).toEqual([]);
    },
  );

  test('that is larger than the size that was asked for', async () => {
    await expect(pull(`${server.host}/app:1`, wish('app', { rootBytes: 16 * MIB }))).rejects.toMatchObject({
      code: 'invalid_argument',
    });
    expect(stored()).toEqual([]);
  });
});

test('two that pull it at the same time get the same, and one of another origin is refused', async () => {
  const layout = join(root, 'layout');
  writeLayout(layout, layers);
  const [one, other, third] = await Promise.allSettled([
    pull(`${server.host}/app:1`),
    pull(`${server.host}/app:1`),
    pull(`oci:${layout}`),
  ]);
  expect(one).toMatchObject({ status: 'fulfilled' });
  expect(other).toEqual(one);
  expect(third).toMatchObject({ status: 'rejected', reason: { code: 'name_taken' } });
  await expect(pull(`oci:${layout}`)).rejects.toMatchObject({ code: 'name_taken' });
  expect(changes).toEqual(['added app']);
});
