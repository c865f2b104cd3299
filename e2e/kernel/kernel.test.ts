import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { tmpdir } from 'node:os';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { kernelContract } from '@banger/daemon/drivers/kernel/contract/kernel.suite';
import type { StoredKernel } from '@banger/daemon/drivers/kernel/driver';
import { archiveReaders } from '@banger/daemon/drivers/image/oci/archive-readers';
import type { DownloadOptions } from '@banger/daemon/host/http/download';
import { catalogText, urlPlace } from '@banger/daemon/drivers/kernel/kernel-archive.suite';
import { HostKernelSource, type HostKernelSourceOptions } from '@banger/daemon/drivers/kernel/source';
import { KernelDirectory } from '@banger/daemon/drivers/kernel/store';
import { systemClock } from '@banger/daemon/host/clock';
import { createRunner } from '@banger/daemon/host/execa-runner';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LightPackage } from './light-package.ts';

const NAME = 'debian-cloud';
const context = { signal: new AbortController().signal, onProgress: () => undefined };

let directory: string;
let runner: LightPackage;
let count = 0;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'banger-e2e-kernel-'));
  await mkdir(join(directory, 'packages'));
  runner = new LightPackage(join(directory, 'packages'));
});
afterAll(() => rm(directory, { recursive: true }));

/** A store of its own; the agent is any file, nothing is booted here. `catalogs` and `hosts`: what the configuration says. */
async function open({
  catalogs = [],
  hosts = new Map(),
}: Partial<Pick<HostKernelSourceOptions, 'catalogs'> & Pick<DownloadOptions, 'hosts'>> = {}): Promise<{
  root: string;
  agent: string;
  store: KernelDirectory;
  source: HostKernelSource;
}> {
  const root = join(directory, `kernels-${(count += 1)}`);
  const agent = join(directory, 'agent');
  await writeFile(agent, 'the agent');
  const store = new KernelDirectory({ root, agent, runner });
  const downloads = { hosts, clock: systemClock };
  const source = new HostKernelSource({ store, runner, agent, readers: archiveReaders, downloads, catalogs });
  return { root, agent, store, source };
}

/** The kernel as it was pulled once, for whoever only needs that it is there. */
let pulled: Promise<StoredKernel> | undefined;
function pulledOnce(): Promise<StoredKernel> {
  return (pulled ??= open().then(({ source }) => source.pull(NAME, { force: false }, context)));
}

/** The package as the pulls from then on get it, unpacked. */
let lightened: Promise<string> | undefined;
function lightenedOnce(): Promise<string> {
  return (lightened ??= pulledOnce().then(({ manifest }) => runner.lighten(manifest.modules)));
}

kernelContract('packages of this machine', async () => {
  const importable = await lightenedOnce();
  const { root, agent, store, source } = await open();
  const stock = async (): Promise<StoredKernel> => {
    const kept = await pulledOnce();
    await mkdir(root, { mode: 0o700 });
    // Its files are only ever replaced whole, so they can be the same ones.
    await createRunner().run([
      'cp',
      '--recursive',
      '--link',
      '--preserve=mode',
      kept.directory,
      join(root, NAME),
    ]);
    return (await store.get(NAME)) ?? expect.fail('it is not there');
  };
  return {
    store,
    cancelAt: ['Extracting'],
    source,
    root,
    stock,
    known: NAME,
    importable,
    changeAgent: (text) => writeFile(agent, text),
    close: () => rm(root, { recursive: true, force: true }),
  };
});

describe('a real kernel', () => {
  test('modules come in an order that depmod agrees with', async () => {
    const kernel = await pulledOnce();
    const modules = kernel.modules ?? '';
    const index = (await readFile(join(modules, 'modules.dep'), 'utf8')).split('\n');
    const names = new Set(kernel.manifest.modules);
    const before = new Set<string>();
    for (const name of kernel.manifest.modules) {
      const line = index.find((each) => each.split(':')[0]?.endsWith(`/${name}`)) ?? '';
      expect(line).not.toBe('');
      for (const needed of (line.split(':')[1] ?? '').trim().split(' ').filter(Boolean)) {
        expect(names).toContain(basename(needed));
        expect(before).toContain(basename(needed));
      }
      before.add(name);
    }
    expect(names).toContain('virtio_blk.ko');
    expect(names).toContain('virtio_console.ko');
  });

  test('each compression that kernels come in gives the same vmlinux', async () => {
    const { source } = await open();
    const kernel = await pulledOnce();
    const vmlinux = await readFile(kernel.vmlinux);
    const files = join(directory, 'compressed');
    await mkdir(files);
    await writeFile(join(files, 'plain'), vmlinux);
    await writeFile(join(files, 'gzip'), gzipSync(vmlinux, { level: 1 }));
    await writeFile(join(files, 'zstd'), zstdCompressSync(vmlinux));
    await copyFile(join(files, 'plain'), join(files, 'xz-input'));
    await createRunner().run(['xz', '-0', '--check=crc32', join(files, 'xz-input')]);
    for (const file of ['plain', 'gzip', 'zstd', 'xz-input.xz']) {
      const imported = await source.import('again', { from: join(files, file) }, { force: true }, context);
      expect(imported.manifest).toMatchObject({
        sha256: kernel.manifest.sha256,
        release: kernel.manifest.release,
        modules: [],
      });
    }
  });
});

describe('from a server with TLS', () => {
  let server: Server;
  let host: string;
  const caFile = (): string => join(directory, 'certificate.pem');
  /** What it has, by path. */
  const files = new Map<string, Buffer>();
  beforeAll(async () => {
    const key = join(directory, 'key.pem');
    await createRunner().run([
      ...(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'] as const),
      ...['-nodes', '-keyout', key, '-out', caFile(), '-subj', '/CN=test'],
      ...['-addext', 'subjectAltName=IP:127.0.0.1'],
    ]);
    const tls = { key: await readFile(key), cert: await readFile(caFile()) };
    server = createServer(tls, ({ url = '' }, response) => {
      const file = files.get(url);
      response.writeHead(file === undefined ? 404 : 200).end(file);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  /** A store whose configuration names this file of the server as the kernel `team`. */
  async function withKernel(path: string, file: Buffer): ReturnType<typeof open> {
    files.set(path, file);
    const catalog = join(directory, 'catalog.json');
    await writeFile(
      catalog,
      catalogText([{ name: 'team', sources: [urlPlace(`https://${host}${path}`, file)] }]),
    );
    return open({ catalogs: [catalog], hosts: new Map([[host, { plainHttp: false, caFile: caFile() }]]) });
  }

  test('the package gives the kernel that apt gives', async () => {
    const byApt = await pulledOnce();
    const { source } = await withKernel('/kernel.deb', await readFile(await runner.whole()));
    const kernel = await source.pull('team', { force: false }, context);
    const { name: _name, createdAt: _at, source: _source, version: _version, ...same } = byApt.manifest;
    expect({ ...kernel.manifest, bytes: same.bytes }).toMatchObject(same);
    const trees = [byApt, kernel].map(({ modules = '' }) => readdir(modules, { recursive: true }));
    const [ofApt, ofServer] = await Promise.all(trees);
    // Links of the package (`build`, `source`) are left out.
    expect(ofServer?.toSorted()).toEqual(ofApt?.filter((path) => !/^(build|source)$/.test(path)).toSorted());
  });

  test('an archive that is packed by xz is a kernel too', async () => {
    const boot = join(await lightenedOnce(), 'boot');
    const image =
      (await readdir(boot)).find((name) => name.startsWith('vmlinuz-')) ?? expect.fail('no image');
    const tar = join(directory, 'lone.tar.xz');
    await createRunner().run(['tar', '--directory', boot, '--create', '--file', tar.slice(0, -3), image]);
    await createRunner().run(['xz', '-0', tar.slice(0, -3)]);
    const { source } = await withKernel('/lone.tar.xz', await readFile(tar));
    const { manifest } = await source.pull('team', { force: false }, context);
    expect(manifest).toMatchObject({ sha256: (await pulledOnce()).manifest.sha256, modules: [] });
  });

  test('damaged xz is no kernel, and an authority that nobody named is not trusted', async () => {
    const damaged = Buffer.concat([Buffer.from('fd377a585a00', 'hex'), Buffer.alloc(1_000, 1)]);
    const { source, root } = await withKernel('/damaged', damaged);
    await expect(source.pull('team', { force: false }, context)).rejects.toMatchObject({
      code: 'kernel_invalid',
    });
    expect(await readdir(root)).toEqual([]);
    const trusting = await open({ catalogs: [join(directory, 'catalog.json')] });
    await expect(trusting.source.pull('team', { force: false }, context)).rejects.toMatchObject({
      code: 'download_failed',
      hint: expect.stringContaining('ca_file') as string,
    });
  });
});
