import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StageContext, StageProgress } from '../../../domain/stage-progress.ts';
import { systemClock } from '../../../host/clock.ts';
import { Downloads } from '../../../host/http/download.ts';
import { bundleFile } from '../bundle/bundle.suite.ts';
import type { ImagePullWish, StoredImage } from '../driver.ts';
import { describeBlob, putImage, sha256, writeLayout, type Put } from '../oci/layout.suite.ts';
import { archive, streamed } from '../oci/tar/archive.suite.ts';
import { BlobCache } from '../registry/blob-cache.ts';
import { RegistryClient } from '../registry/client.ts';
import {
  startLoopbackServer,
  type LoopbackServer,
  type Respond,
} from '../../../host/http/loopback-server.suite.ts';
import { ImageDirectory } from '../store.ts';
import { StagedUploads } from '../upload/uploads.ts';
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
let uploads: StagedUploads;
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
  const hosts = new Map([[server.host, { plainHttp: true, caFile: undefined }]]);
  const downloads = new Downloads({ hosts, clock: systemClock, mostBytes: MIB });
  uploads = new StagedUploads(store.staged, MIB);
  puller = new OciImagePuller({ store, registry: client, downloads, uploads, now: () => 0 });
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

describe('a bundle of a server', () => {
  const bundle = bundleFile();
  const text = (sha256Hex = sha256(bundle).slice('sha256:'.length)): string =>
    `bundle:http://${server.host}/app.tar.zst@sha256:${sha256Hex}`;
  const sends =
    (bytes: Buffer): Respond =>
    (_request, response) =>
      void response.writeHead(200, { 'content-length': bytes.length }).end(bytes);

  test('is fetched, checked and stored, and what was fetched goes', async () => {
    server.respond = sends(bundle);
    const told = context();
    const { manifest } = await pull(text(), wish('app', { bytes: bundle.length }), told);
    expect(manifest).toMatchObject({ source: 'bundle', reference: text(), digest: sha256(bundle) });
    expect(readdirSync(join(store.staged.root, 'app'))).toEqual(['manifest.json', 'root.ext4', 'work.ext4']);
    expect([...new Set(told.seen.map(({ stage }) => stage))]).toEqual([
      'Fetching image app',
      'Reading the bundle',
      'Writing the disk',
      'Storing the image',
    ]);
  });

  test('is fetched from a file too', async () => {
    writeFileSync(join(root, 'b'), bundle);
    const file = `bundle:file://${join(root, 'b')}@${sha256(bundle)}`;
    expect((await pull(file)).manifest).toMatchObject({ reference: file });
  });

  test.each<[string, () => Respond, () => string, Partial<ImagePullWish>]>([
    ['that is another', () => sends(bundle), () => text('a'.repeat(64)), {}],
    ['of another length', () => sends(bundle), () => text(), { bytes: 7 }],
    ['that is too large', () => sends(Buffer.alloc(2 * MIB)), () => text(), {}],
    ['that is not there', () => (_request, response) => void response.writeHead(404).end(), () => text(), {}],
  ])('%s is refused, and nothing is left', async (_what, respond, asked, change) => {
    server.respond = respond();
    await expect(pull(asked(), wish('app', change))).rejects.toMatchObject({ code: 'download_failed' });
    expect(stored()).toEqual([]);
  });
});

describe('what a client has sent', () => {
  const client = (): AbortController => new AbortController();
  const layoutTar = (): Buffer => {
    const directory = join(root, 'sent');
    writeLayout(directory, layers, { config });
    const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((each) =>
      each.isFile(),
    );
    return archive(
      files.map((each) => {
        const path = join(each.parentPath, each.name);
        return { name: path.slice(directory.length + 1), content: readFileSync(path) };
      }),
    );
  };

  test.each<[string, () => Buffer, string]>([
    ['a bundle', () => bundleFile(), 'bundle'],
    ['an archive', () => layoutTar(), 'oci'],
    ['an archive that is packed', () => gzipSync(layoutTar()), 'oci'],
  ])('is told by its content: %s', async (_what, bytes, source) => {
    const sender = client();
    const sha256Hex = await uploads.receive(streamed(bytes()), sender.signal);
    expect(`sha256:${sha256Hex}`).toBe(sha256(bytes()));
    const { manifest } = await pull(`upload:${sha256Hex}`);
    expect(manifest).toMatchObject({ source, reference: `upload:${sha256Hex}` });
    sender.abort();
    await expect.poll(stored).toEqual(['app']);
    await expect(pull(`upload:${sha256Hex}`, wish('again'))).rejects.toMatchObject({
      code: 'image_not_found',
    });
    expect(stored()).toEqual(['app']);
  });

  test('goes with its client, but not before what reads it has ended', async () => {
    const sender = client();
    const sent = await uploads.receive(streamed(bundleFile()), sender.signal);
    const reading = Promise.withResolvers<void>();
    const used = uploads.use(sent, async (path) => {
      sender.abort();
      await reading.promise;
      return existsSync(path);
    });
    reading.resolve();
    expect(await used).toBe(true);
    await expect.poll(stored).toEqual([]);
  });

  test('twice is two files', async () => {
    const [one, other] = [client(), client()];
    const sent = await uploads.receive(streamed(bundleFile()), one.signal);
    expect(await uploads.receive(streamed(bundleFile()), other.signal)).toBe(sent);
    one.abort();
    await expect.poll(() => stored().length).toBe(1);
    await pull(`upload:${sent}`);
    other.abort();
    await expect.poll(stored).toEqual(['app']);
  });

  test('is of no use when it is too long, or its client leaves before the end', async () => {
    const broken = async function* (): AsyncGenerator<Buffer> {
      yield Buffer.from('x');
      throw new Error('The client left.');
    };
    const { signal } = client();
    await expect(uploads.receive(streamed(Buffer.alloc(2 * MIB)), signal)).rejects.toMatchObject({
      code: 'invalid_argument',
    });
    await expect(uploads.receive(broken(), signal)).rejects.toThrow('The client left.');
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
