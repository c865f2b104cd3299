import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { StageProgress } from '../../domain/stage-progress.ts';
import { systemClock } from '../../host/clock.ts';
import { HTTP_LIMITS, type HttpLimits } from '../../host/http/limits.ts';
import {
  startLoopbackServer,
  type LoopbackServer,
  type Respond,
} from '../../host/http/loopback-server.suite.ts';
import { archiveReaders } from '../image/oci/archive-readers.ts';
import { archive, type Written } from '../image/oci/tar/archive.suite.ts';
import { makeBzImage, makeVmlinux } from './fake/elf-fixture.ts';
import { createFakeKernels, writeKernelTree } from './fake/fake-kernel-host.ts';
import { catalogText, debOf, kernelTar, urlPlace } from './kernel-archive.suite.ts';

const RELEASE = '6.1.0-1-cloud-amd64';
const IMAGE = makeBzImage(makeVmlinux(RELEASE), { release: RELEASE });
const KEEP = { force: false };
const MIB = 1024 ** 2;

let root: string;
let server: LoopbackServer;
let other: LoopbackServer;
let made: ReturnType<typeof createFakeKernels>;
let tar: Buffer;
let waits: number[];
let seen: StageProgress[];
const context = {
  signal: new AbortController().signal,
  onProgress: (each: StageProgress) => seen.push(each),
};

function make(
  plain: readonly string[] = [server.host, other.host],
  options: { readonly limits?: Partial<HttpLimits>; readonly mostBytes?: number } = {},
): void {
  const { limits, ...rest } = options;
  made = createFakeKernels({
    root: join(root, 'kernels'),
    agent: join(root, 'agent'),
    readers: archiveReaders,
    catalogs: [join(root, 'catalog.json')],
    downloads: {
      hosts: new Map(plain.map((host) => [host, { plainHttp: true, caFile: undefined }])),
      // Waits are over at once.
      clock: { ...systemClock, now: () => 0, sleep: async (ms) => void waits.push(ms) },
      limits: { ...HTTP_LIMITS, ...limits },
      ...rest,
    },
  });
}

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'banger-kernel-url-'));
  [server, other] = await Promise.all([startLoopbackServer(), startLoopbackServer()]);
  await writeFile(join(root, 'agent'), 'agent');
  await writeKernelTree(join(root, 'tree'));
  tar = await kernelTar(join(root, 'tree'));
  [waits, seen] = [[], []];
  make();
});
afterEach(async () => {
  await Promise.all([server.close(), other.close()]);
  await rm(root, { recursive: true });
});

const sending =
  (bytes: Buffer): Respond =>
  (_request, response) =>
    void response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
const chunked =
  (bytes: Buffer): Respond =>
  (_request, response) =>
    void response.writeHead(200).end(bytes);

const place = (file: Buffer, path = 'kernel'): ReturnType<typeof urlPlace> =>
  urlPlace(`http://${server.host}/${path}`, file);
const catalog = (...sources: object[]): Promise<void> =>
  writeFile(join(root, 'catalog.json'), catalogText([{ name: 'team', sources }]));
const pull = (options = KEEP) => made.source.pull('team', options, context);

/** What is left in the store, also hidden. */
const left = (): Promise<string[]> => readdir(join(root, 'kernels')).catch(() => []);

/** The pull of this file, which the catalog has as it is. */
async function pulled(file: Buffer): ReturnType<typeof pull> {
  server.respond = sending(file);
  await catalog(place(file));
  return pull();
}

describe('what comes is told by its content', () => {
  const withModules: [string, () => Buffer][] = [
    ['a tar', () => tar],
    ['a tar.gz', () => gzipSync(tar)],
    ['a tar.zst', () => zstdCompressSync(tar)],
    ['a .deb', () => debOf(tar)],
    ['a .deb with data.tar.gz', () => debOf(gzipSync(tar), 'data.tar.gz')],
    ['a .deb with data.tar.zst', () => debOf(zstdCompressSync(tar), 'data.tar.zst')],
  ];
  test.each(withModules)('%s is a kernel and its modules', async (_what, file) => {
    const kernel = await pulled(file());
    expect(kernel.manifest).toMatchObject({
      release: RELEASE,
      version: RELEASE,
      distribution: 'debian',
      source: `http://${server.host}/kernel`,
    });
    expect(kernel.manifest.modules).toContain('virtio_blk.ko');
    expect((await readdir(kernel.directory)).sort()).toEqual([
      'initramfs.img',
      'manifest.json',
      'modules',
      'vmlinux',
    ]);
    expect(await left()).toEqual(['team']);
  });

  test.each([
    ['a bzImage', IMAGE],
    ['a vmlinux', makeVmlinux(RELEASE)],
    ['a vmlinux.gz', gzipSync(makeVmlinux(RELEASE))],
  ])('%s is a kernel without modules', async (_what, file) => {
    const kernel = await pulled(file);
    expect(kernel.manifest).toMatchObject({ release: RELEASE, modules: [] });
    expect((await readFile(kernel.vmlinux)).subarray(0, 4).toString('latin1')).toBe('\x7fELF');
    expect((await readdir(kernel.directory)).sort()).toEqual(['initramfs.img', 'manifest.json', 'vmlinux']);
  });

  test('all of an archive may be in one directory', async () => {
    await mkdir(join(root, 'wrapped'));
    await writeKernelTree(join(root, 'wrapped/kernel-6.1'));
    expect((await pulled(await kernelTar(join(root, 'wrapped')))).manifest.modules).not.toEqual([]);
  });

  test('a version of the catalog is kept', async () => {
    server.respond = sending(IMAGE);
    const entry = { name: 'team', version: '6.1.0-1', sources: [place(IMAGE)] };
    await writeFile(join(root, 'catalog.json'), catalogText([entry]));
    expect((await pull()).manifest.version).toBe('6.1.0-1');
  });
});

describe('what is no kernel is kernel_invalid, and leaves nothing:', () => {
  const odd = (entry: Written): Buffer => archive([{ name: 'boot/vmlinuz-1', content: IMAGE }, entry]);
  const cases: [string, () => Buffer, string][] = [
    [
      'a web page',
      () => Buffer.from('<!doctype html><title>Not found</title>'),
      'its compression is unknown',
    ],
    ['nothing', () => Buffer.from('\n'), 'its compression is unknown'],
    ['an archive without a kernel', () => archive([{ name: 'readme', content: 'x' }]), 'no vmlinuz'],
    [
      'an archive with two',
      () => archive([{ name: 'boot/vmlinuz-1' }, { name: 'boot/vmlinuz-2' }]),
      'more than one',
    ],
    ['a path out of it', () => odd({ name: '../../evil', content: 'x' }), 'leads out of it'],
    [
      'a path out of it in the middle',
      () => odd({ name: 'lib/../../evil', content: 'x' }),
      'leads out of it',
    ],
    ['a hard link', () => odd({ name: 'x', type: '1', link: '/etc/passwd' }), 'a hard link'],
    ['a device', () => odd({ name: 'x', type: '3' }), 'a character'],
    ['a file below a file', () => odd({ name: 'boot/vmlinuz-1/x', content: 'x' }), 'below a file'],
    ['a directory where a file is', () => odd({ name: 'boot', content: 'x' }), 'below a file'],
    ['a name that no file can have', () => odd({ name: 'x'.repeat(300), content: 'x' }), 'too long'],
    ['a name with a line break', () => odd({ name: 'a\nb', content: 'x' }), 'odd name'],
    ['an archive that ends early', () => tar.subarray(0, tar.length - 1_500), 'ends in the middle'],
    [
      'a damaged archive',
      () => Buffer.concat([archive([{ name: 'a' }]).subarray(0, 512), Buffer.alloc(512, 1), tar]),
      'cannot be unpacked',
    ],
    ['a damaged gzip', () => gzipSync(tar).fill(0, 40, 60), 'cannot be unpacked'],
    ['a package that ends early', () => debOf(tar).subarray(0, 5_000), 'cut short'],
    ['a package without files', () => debOf(tar, 'stuff.tar'), 'without files'],
    [
      'another ar archive',
      () => Buffer.from(`!<arch>\n${'x.o/'.padEnd(48)}${'0'.padEnd(10)}\`\n`),
      'no package',
    ],
  ];
  test.each(cases)('%s', async (_what, file, says) => {
    await expect(pulled(file())).rejects.toMatchObject({
      code: 'kernel_invalid',
      message: expect.stringContaining(says) as string,
    });
    await expect(pull()).rejects.not.toMatchObject({
      message: expect.stringContaining('.staging') as string,
    });
    expect(await left()).toEqual([]);
    expect((await readdir(root)).sort()).toEqual(['agent', 'catalog.json', 'kernels', 'tree']);
  });

  test('links are left out, and nothing is written through them', async () => {
    const file = archive([
      { name: 'boot', type: '2', link: '/tmp' },
      { name: 'lib/modules/6.1/build', type: '2', link: root },
      { name: 'lib/modules/6.1/build/evil', content: 'x' },
      { name: 'boot/vmlinuz-6.1', content: IMAGE },
    ]);
    await pulled(file);
    expect((await readdir(root)).sort()).toEqual(['agent', 'catalog.json', 'kernels', 'tree']);
  });
});

describe('what a server does wrong is download_failed, and leaves nothing:', () => {
  const wrong: [string, () => Respond, string][] = [
    [
      'another file of that length',
      () => sending(Buffer.alloc(IMAGE.length)),
      'something else than the kernel team',
    ],
    ['a web page instead', () => sending(Buffer.from('<!doctype html>')), 'another length'],
    ['less than the catalog says', () => sending(IMAGE.subarray(1)), 'another length'],
    ['more than the catalog says', () => sending(Buffer.concat([IMAGE, IMAGE])), 'another length'],
    ['more, and does not say so', () => chunked(Buffer.concat([IMAGE, IMAGE])), 'another length'],
    ['less, and does not say so', () => chunked(IMAGE.subarray(1)), `of ${IMAGE.length} bytes`],
    ['it is not there', () => (_request, response) => void response.writeHead(404).end(), 'status 404'],
    ['it wants a login', () => (_request, response) => void response.writeHead(401).end(), 'status 401'],
    ['it is always busy', () => (_request, response) => void response.writeHead(503).end(), 'status 503'],
  ];
  test.each(wrong)('%s', async (_what, respond, says) => {
    server.respond = respond();
    await catalog(place(IMAGE));
    await expect(pull()).rejects.toMatchObject({
      code: 'download_failed',
      message: expect.stringContaining(says) as string,
    });
    expect(await left()).toEqual([]);
  });

  test('a body without an end, of which nobody knows the length', async () => {
    make(undefined, { mostBytes: MIB });
    const { bytes: _bytes, ...unknown } = place(IMAGE);
    await catalog(unknown);
    let sent = 0;
    server.respond = (_request, response) => {
      const piece = Buffer.alloc(64 * 1024);
      const go = (): void => {
        while (!response.destroyed && response.write(piece)) sent += piece.length;
      };
      response.writeHead(200).on('drain', go);
      go();
    };
    await expect(pull()).rejects.toMatchObject({
      code: 'download_failed',
      message: expect.stringContaining(`more than the ${MIB} bytes`) as string,
    });
    expect(sent).toBeLessThan(64 * MIB);
    server.respond = (_request, response) =>
      void response.writeHead(200, { 'content-length': 2 * MIB }).end();
    await expect(pull()).rejects.toMatchObject({ code: 'download_failed' });
    expect(await left()).toEqual([]);
  });

  test('a body that stops coming', async () => {
    make(undefined, { limits: { readMs: 200, retries: 1 } });
    server.respond = (_request, response) => void response.writeHead(200).write(IMAGE.subarray(0, 100));
    await catalog(place(IMAGE));
    await expect(pull()).rejects.toMatchObject({
      code: 'download_failed',
      message: expect.stringContaining('stopped sending') as string,
    });
    expect(waits).toHaveLength(1);
    expect(await left()).toEqual([]);
  });
});

describe('a download', () => {
  /** As large as to come in many pieces. */
  const large = (): Buffer => Buffer.concat([makeVmlinux(RELEASE), Buffer.alloc(3 * MIB, 7)]);

  test('tells its bytes, also where only the server knows how many there are', async () => {
    const file = large();
    await pulled(file);
    const fetched = seen.filter(({ stage }) => stage === 'Fetching kernel team');
    expect(fetched[0]).toMatchObject({ done: 0, total: file.length, unit: 'bytes' });
    expect(fetched.at(-1)).toMatchObject({ done: file.length, total: file.length });
    expect(fetched.length).toBeGreaterThan(5);
    seen = [];
    const { bytes: _bytes, ...unknown } = place(file);
    await catalog(unknown);
    await pull({ force: true });
    expect(seen.find(({ done }) => done === file.length)).toMatchObject({ total: file.length });
  });

  test('that breaks off is taken up where it broke, whoever knows the length', async () => {
    const file = large();
    for (const source of [place(file), { ...place(file), bytes: undefined }]) {
      server.seen.length = 0;
      server.respond = ({ range }, response) => {
        const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1] ?? 0);
        const head = {
          'content-length': file.length - from,
          'content-range': `bytes ${from}-${file.length - 1}/${file.length}`,
        };
        response.writeHead(from === 0 ? 200 : 206, head);
        if (from >= 2 * MIB) response.end(file.subarray(from));
        else response.write(file.subarray(from, from + MIB), () => response.destroy());
      };
      await catalog(source);
      await pull({ force: true });
      const ranges = server.seen.map(({ range }) => range);
      expect(ranges.length).toBeGreaterThan(1);
      expect(ranges.slice(1).every((range) => /^bytes=[1-9]\d*-$/.test(range ?? ''))).toBe(true);
    }
  });

  test('waits as long as a busy server asks', async () => {
    let asked = 0;
    server.respond = (request, response) => {
      asked += 1;
      if (asked === 1) response.writeHead(429, { 'retry-after': '7' }).end();
      else sending(IMAGE)(request, response);
    };
    await catalog(place(IMAGE));
    await pull();
    expect(waits).toEqual([7_000]);
  });

  test('follows to another host, as the hash tells what is right', async () => {
    server.respond = (_request, response) =>
      void response.writeHead(302, { location: `http://${other.host}/there` }).end();
    other.respond = sending(IMAGE);
    await catalog(place(IMAGE));
    expect((await pull()).manifest.source).toBe(`http://${server.host}/kernel`);
    other.respond = sending(Buffer.alloc(IMAGE.length));
    await expect(pull({ force: true })).rejects.toMatchObject({ code: 'download_failed' });
  });

  test.each([
    ['to a host without TLS of which nothing was said', () => `http://${other.host}/x`],
    ['to a file of this machine', () => 'file:///etc/passwd'],
    ['nowhere', () => 'http://'],
    ['to itself', () => `http://${server.host}/kernel`],
  ])('is not sent %s', async (_where, location) => {
    make([server.host]);
    other.respond = sending(IMAGE);
    server.respond = (_request, response) => void response.writeHead(302, { location: location() }).end();
    await catalog(place(IMAGE));
    await expect(pull()).rejects.toMatchObject({ code: 'download_failed' });
    expect(other.seen).toEqual([]);
    expect(await left()).toEqual([]);
  });

  test('without TLS is only from hosts of which the configuration says so', async () => {
    make([]);
    server.respond = sending(IMAGE);
    await catalog(place(IMAGE));
    await expect(pull()).rejects.toMatchObject({
      code: 'download_failed',
      hint: expect.stringContaining('plain_http') as string,
    });
    expect(server.seen).toEqual([]);
  });

  test('of a server that is not there fails at once', async () => {
    await catalog(urlPlace('http://127.0.0.1:1/kernel', IMAGE));
    make(['127.0.0.1:1']);
    await expect(pull()).rejects.toMatchObject({
      code: 'download_failed',
      message: expect.stringContaining('accepts no connection') as string,
    });
    expect(waits).toEqual([]);
  });

  test('that is cancelled leaves nothing', async () => {
    const stop = new AbortController();
    server.respond = (_request, response) => {
      response.writeHead(200).write(IMAGE.subarray(0, 100));
      setTimeout(() => stop.abort(), 50);
    };
    await catalog(place(IMAGE));
    const call = made.source.pull('team', KEEP, { ...context, signal: stop.signal });
    await expect(call).rejects.toMatchObject({ code: 'cancelled' });
    expect(await left()).toEqual([]);
  });

  test('with --force replaces, and one that fails leaves the old kernel whole', async () => {
    const before = await pulled(IMAGE);
    await expect(pull()).rejects.toMatchObject({ code: 'kernel_exists' });
    server.respond = sending(Buffer.alloc(IMAGE.length));
    await expect(pull({ force: true })).rejects.toMatchObject({ code: 'download_failed' });
    expect(await made.store.get('team')).toEqual(before);
    const next = makeBzImage(makeVmlinux('6.2.0'), { release: '6.2.0' });
    server.respond = sending(next);
    await catalog(place(next));
    expect((await pull({ force: true })).manifest.release).toBe('6.2.0');
    expect(await left()).toEqual(['team']);
  });
});

describe('a file of this machine', () => {
  const file = (): string => join(root, 'tree/shared.tar');
  const shared = (bytes = tar): ReturnType<typeof urlPlace> => urlPlace(pathToFileURL(file()).href, bytes);

  test('is fetched like one of a server, and stays', async () => {
    await writeFile(file(), tar);
    await catalog(shared());
    const kernel = await pull();
    expect(kernel.manifest.source).toBe(`file://${file()}`);
    expect(await readFile(file())).toEqual(tar);
    expect(seen.some(({ done, total, unit }) => unit === 'bytes' && done === total)).toBe(true);
  });

  test.each<[string, () => Promise<unknown>, string]>([
    ['that is not there', async () => undefined, 'cannot be read (ENOENT)'],
    ['that is a directory', () => mkdir(file()), 'is no file'],
    ['of another length', () => writeFile(file(), 'x'), 'has 1 bytes'],
    [
      'with another hash',
      () => writeFile(file(), Buffer.alloc(tar.length)),
      'something else than the kernel team',
    ],
  ])('%s is download_failed, and leaves nothing', async (_what, put, says) => {
    await put();
    await catalog(shared());
    await expect(pull()).rejects.toMatchObject({
      code: 'download_failed',
      message: expect.stringContaining(says) as string,
    });
    expect(await left()).toEqual([]);
  });
});

describe('several sources', () => {
  test('are tried in their order, and what failed is told', async () => {
    server.respond = (request, response) =>
      request.url === '/kernel' ? sending(IMAGE)(request, response) : void response.writeHead(410).end();
    await catalog(place(tar, 'gone'), place(IMAGE));
    await pull();
    expect(seen.filter(({ level }) => level === 'warning').map(({ stage }) => stage)).toEqual([
      `The server ${server.host} answered with status 410 for http://${server.host}/gone. Trying http://${server.host}/kernel.`,
    ]);
    expect(await left()).toEqual(['team']);
  });

  test('a kernel that cannot be used makes room for the next', async () => {
    const bad = archive([{ name: 'lib/readme', content: 'x' }]);
    server.respond = (request, response) => sending(request.url === '/bad' ? bad : tar)(request, response);
    await catalog(place(bad, 'bad'), { type: 'apt', package: 'no-such-package' }, place(tar));
    const kernel = await pull();
    expect(kernel.manifest.modules).not.toEqual([]);
    expect((await readdir(kernel.directory)).sort()).toEqual([
      'initramfs.img',
      'manifest.json',
      'modules',
      'vmlinux',
    ]);
  });

  test('the error is that of the last', async () => {
    server.respond = (_request, response) => void response.writeHead(410).end();
    await catalog({ type: 'apt', package: 'no-such-package' }, place(IMAGE));
    await expect(pull()).rejects.toMatchObject({ code: 'download_failed' });
    expect(await left()).toEqual([]);
  });
});
