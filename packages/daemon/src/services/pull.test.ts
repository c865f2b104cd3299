import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DaemonEvent } from '@banger/contract/event';
import type { OperationOutcome } from '@banger/contract/operation';
import pino from 'pino';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bundleFile } from '../drivers/image/bundle/bundle.suite.ts';
import { createFakeImages } from '../drivers/image/fake/fake-image-host.ts';
import { writeRootFs } from '../drivers/image/register/root-fs.suite.ts';
import { archiveReaders } from '../drivers/image/oci/archive-readers.ts';
import { archive } from '../drivers/image/oci/tar/archive.suite.ts';
import { makeVmlinux } from '../drivers/kernel/fake/elf-fixture.ts';
import { createFakeKernels, writeKernelTree } from '../drivers/kernel/fake/fake-kernel-host.ts';
import { catalogText, kernelTar, urlPlace } from '../drivers/kernel/kernel-archive.suite.ts';
import { systemClock } from '../host/clock.ts';
import { EventBus } from './events.ts';
import { ImageService } from './image.ts';
import { KernelService } from './kernel.ts';
import { newOperationId, type Operation } from './operation.ts';
import { Operations } from './operations.ts';
import { imageEvents, kernelEvents } from './store-events.ts';

const never = new AbortController().signal;

/** One machine, with its services as the daemon puts them together. */
function machine(root: string) {
  const bus = new EventBus(systemClock);
  const events: DaemonEvent[] = [];
  bus.listen((event) => events.push(event));
  const logged: { stage?: string; ms?: number }[] = [];
  const log = pino(
    { base: null },
    { write: (line) => logged.push(JSON.parse(line) as (typeof logged)[number]) },
  );
  const vms = { list: () => [] };
  const stores = { images: join(root, 'images'), kernels: join(root, 'kernels') };
  const images = createFakeImages(stores.images, imageEvents(bus));
  writeFileSync(join(root, 'agent'), 'the agent');
  const kernels = createFakeKernels({
    ...{ root: stores.kernels, agent: join(root, 'agent'), readers: archiveReaders },
    ...{ catalogs: [join(root, 'catalog.json')], changed: kernelEvents(bus) },
  });
  const service = new KernelService(kernels.store, kernels.source, { vms, images: images.store }, log);
  return {
    ...{ bus, events, logged, stores, imageHost: images.host },
    operations: new Operations(bus, systemClock),
    images: new ImageService({ ...images, kernels: service, vms, log }),
    kernels: service,
  };
}

let root: string;
let host: ReturnType<typeof machine>;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'banger-pull-'));
  host = machine(root);
});
afterEach(() => rmSync(root, { recursive: true }));

type Call = (signal: AbortSignal) => Promise<unknown>;
const calls: readonly [string, 'images' | 'kernels', string, Call][] = [
  [
    'image pull',
    'images',
    'debian-bookworm',
    (signal) => host.images.pull({ image: 'debian-bookworm' }, signal),
  ],
  [
    'image pull of a bundle',
    'images',
    'app',
    (signal) => host.images.pull({ image: `bundle:${join(root, 'app.tar.zst')}` }, signal),
  ],
  [
    'image pull of a tarball',
    'images',
    'root',
    (signal) => host.images.pull({ image: `tarball:${join(root, 'root.tar')}` }, signal),
  ],
  [
    'image register',
    'images',
    'mine',
    async (signal) => {
      const rootfs = join(root, 'rootfs.ext4');
      if (!existsSync(rootfs)) await writeRootFs(rootfs);
      return host.images.register({ name: 'mine', rootfs }, signal);
    },
  ],
  ['kernel pull', 'kernels', 'debian-cloud', (signal) => host.kernels.pull('debian-cloud', false, signal)],
  [
    'kernel pull from an address',
    'kernels',
    'shelved',
    (signal) => host.kernels.pull('shelved', false, signal),
  ],
  [
    'kernel import',
    'kernels',
    'mine',
    (signal) => host.kernels.import('mine', { from: join(root, 'tree') }, false, signal),
  ],
];

/** The user has a bundle, a tarball, a kernel, unpacked and as an archive, and a catalog that names that. */
async function shelve(): Promise<void> {
  writeFileSync(join(root, 'app.tar.zst'), bundleFile());
  writeFileSync(join(root, 'root.tar'), archive([{ name: './etc/motd', content: 'hello' }]));
  await writeKernelTree(join(root, 'tree'));
  const tar = await kernelTar(join(root, 'tree'));
  writeFileSync(join(root, 'kernel.tar'), tar);
  const place = urlPlace(`file://${join(root, 'kernel.tar')}`, tar);
  writeFileSync(join(root, 'catalog.json'), catalogText([{ name: 'shelved', sources: [place] }]));
}

/** Runs it as an operation, and cancels that when the stage begins; without one it runs to its end. */
async function run(call: Call, cancelAt?: string): Promise<{ stages: string[]; outcome?: OperationOutcome }> {
  const id = newOperationId();
  const stages: string[] = [];
  let outcome: Promise<OperationOutcome> | undefined;
  const progress: Operation['progress'] = ({ stage, ms, level }) => {
    // What was pulled is told when it is there.
    if (ms !== undefined || level === 'notice') return;
    if (!stages.includes(stage)) stages.push(stage);
    if (stage === cancelAt) outcome ??= host.operations.cancel(id, never);
  };
  await host.operations
    .run({ id, method: 'test', signal: never, progress, detached: false }, call)
    .catch(() => undefined);
  return { stages, ...(outcome && { outcome: await outcome }) };
}

describe.each(calls)('%s', (_what, store, name, call) => {
  beforeEach(() => shelve());

  const entries = (): string[] => (existsSync(host.stores[store]) ? readdirSync(host.stores[store]) : []);

  test('cancelled by somebody else at any of its stages leaves nothing, and succeeds the next time', async () => {
    const { stages } = await run(call);
    expect(entries()).toEqual([name]);
    expect(stages.length).toBeGreaterThan(0);
    for (const stage of stages) {
      rmSync(root, { recursive: true });
      root = mkdtempSync(join(tmpdir(), 'banger-pull-'));
      host = machine(root);
      await shelve();
      const { outcome } = await run(call, stage);
      expect([stage, outcome?.state, entries()]).toEqual([stage, 'cancelled', []]);
      await run(call);
      expect(entries()).toEqual([name]);
    }
  });

  test('logs and tells each stage with its time, and tells the bus what is new, once', async () => {
    const { stages } = await run(call);
    const timed = host.logged.filter(({ ms }) => typeof ms === 'number').map(({ stage }) => stage);
    expect([...new Set(timed)]).toEqual(stages);
    expect(host.events.map(({ event }) => event)).toEqual([
      'operation.begun',
      store === 'images' ? 'image.added' : 'kernel.added',
      'operation.ended',
    ]);
  });
});

test('an image is here already when it is pulled again with the files of its kernel, and refused with others', async () => {
  await shelve();
  const image = `tarball:${join(root, 'root.tar')}`;
  const pull = (from: string): Promise<unknown> =>
    host.images.pull({ image, kernel: { from: join(root, from) } }, never);
  const pulled = await pull('tree');
  expect(pulled).toMatchObject({ name: 'root', kernel: 'root' });
  const events = host.events.length;
  expect(await pull('tree')).toEqual(pulled);
  expect(host.events.length).toBe(events);
  writeFileSync(join(root, 'vmlinux'), makeVmlinux('6.13.0'));
  await expect(pull('vmlinux')).rejects.toMatchObject({
    code: 'invalid_argument',
    message: expect.stringContaining('the kernel root, which is not of these files') as string,
  });
  // Its name is that of the image, and it is another one.
  await host.images.pull({ image, name: 'other', kernel: { ref: 'root' } }, never);
  await expect(
    host.images.pull({ image, name: 'other', kernel: { from: join(root, 'tree') } }, never),
  ).rejects.toMatchObject({ code: 'invalid_argument' });
});

test('of two that pull the same image, one may be cancelled and the other gets it', async () => {
  const building = Promise.withResolvers<void>();
  const release = Promise.withResolvers<void>();
  host.imageHost.onBuild = () => {
    building.resolve();
    return release.promise;
  };
  const pull = (id: string): Promise<unknown> =>
    host.operations
      .run(
        { id, method: 'image.pull', signal: never, progress: () => undefined, detached: false },
        (signal) => host.images.pull({ image: 'debian-bookworm' }, signal),
      )
      .catch((error: unknown) => error);
  const both = [pull('aa11'), pull('bb22')];
  await building.promise;
  expect(await host.operations.cancel('aa11', never)).toMatchObject({ state: 'cancelled' });
  expect(host.operations.show('bb22')).toMatchObject({ state: 'running' });
  release.resolve();
  expect(await Promise.all(both)).toMatchObject([{ code: 'cancelled' }, { name: 'debian-bookworm' }]);
  expect(host.imageHost.builds).toBe(1);
  expect(host.events.filter(({ event }) => event === 'image.added')).toHaveLength(1);
});
