import { readdirSync } from 'node:fs';
import { mkdir, open, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import type { ErrorCode } from '@banger/contract/error-codes';
import type { VmState, VmView } from '@banger/contract/vm';
import { bundleFile } from '../../../drivers/image/bundle/bundle.suite.ts';
import { archive } from '../../../drivers/image/oci/tar/archive.suite.ts';
import { writeRootFs } from '../../../drivers/image/register/root-fs.suite.ts';
import { writeKernelTree } from '../../../drivers/kernel/fake/fake-kernel-host.ts';
import { catalogText, kernelTar, urlPlace } from '../../../drivers/kernel/kernel-archive.suite.ts';
import { systemClock, type Clock } from '../../../host/clock.ts';
import { until, type FakeHost } from '../fake-host.suite.ts';

/** A command that a daemon is killed in. */
export interface Verb {
  readonly name: string;
  /** What is there before, besides image and kernel. */
  readonly before: (host: FakeHost) => Promise<unknown>;
  readonly command: (host: FakeHost) => Promise<unknown>;
  /** True: not even an image and a kernel are there before. */
  readonly onEmptyHost?: boolean;
  /** What is there all the time, wherever the daemon is killed. */
  readonly keeps?: (host: FakeHost) => Promise<boolean>;
  /** It may leave a VM in `error`. */
  readonly mayFail?: true;
  /** How time passes, where much of it has to. */
  readonly clock?: Clock;
  /** What is done after all, where that is not the same command. */
  readonly repeat?: (host: FakeHost) => Promise<unknown>;
  /** The refusal by which a repeated command finds that all was done already, and the proof of that. */
  readonly doneAlready?: { readonly code: ErrorCode; readonly proof: (host: FakeHost) => Promise<boolean> };
}

/** Where an image lies that is not of the host; a test that pulls it writes it there. */
export const LAYOUT = join(tmpdir(), `banger-crash-${process.pid}`);
/** Where a bundle lies that is not of the host; it goes with the layout. */
export const BUNDLE = join(LAYOUT, 'app.tar.zst');

/** A root file system in a plain archive. */
const TARBALL = archive([{ name: 'etc/motd', content: 'hello' }]);
const NAME = 'box';
const WRECKED = 'wrecked';
const OLD_INIT = '/sbin/old-init';
const BYTES = 8 * 1024 ** 3;
const LARGER_BYTES = 2 * BYTES;
export const IMAGE = 'debian-bookworm';
export const KERNEL = 'debian-cloud';

const never = new AbortController().signal;
const nothing = (): Promise<void> => Promise.resolve();

const create = (host: FakeHost, start: boolean): Promise<VmView> =>
  host.vms.create(host.spec(NAME), { start, waitInit: true }, never);
const stopped = (host: FakeHost): Promise<VmView> => create(host, false);
const running = (host: FakeHost): Promise<VmView> => create(host, true);
const isIn = (state: VmState) => async (host: FakeHost) =>
  host.deps.vms.list().some((row) => row.state === state);
const noVm = async (host: FakeHost): Promise<boolean> => host.deps.vms.list().length === 0;
const oneVm = async (host: FakeHost): Promise<boolean> => host.deps.vms.list().length === 1;
/** A VMM that has what its row says, whenever a daemon has found it. */
async function isAsItsRowSays(host: FakeHost): Promise<boolean> {
  const [row] = host.deps.vms.list();
  const [process] = host.world.running;
  if (row === undefined || process === undefined) return false;
  const { diskBytes, outbound } = row.spec;
  const isDone = (): boolean =>
    (process.sizes.get('work') ?? BYTES) === diskBytes && host.network.open.length === (outbound ? 1 : 0);
  await until(isDone);
  return true;
}
/** The VM's image has been replaced since, by one with another init. */
async function ofAnOldImage(host: FakeHost, start: boolean): Promise<void> {
  const { id } = await create(host, start);
  host.deps.vms.update(id, { init: OLD_INIT });
  await writeFile(host.layout.vm(id).rootDisk, WRECKED);
}
/** A fresh root disk is never booted with the init of the one before. */
async function isNotMixed(host: FakeHost): Promise<boolean> {
  const [row] = host.deps.vms.list();
  if (row === undefined) return false;
  await using disk = await open(host.layout.vm(row.id).rootDisk);
  const { buffer } = await disk.read(Buffer.alloc(WRECKED.length), 0);
  const isFresh = buffer.toString() !== WRECKED;
  return !isFresh || row.init !== OLD_INIT;
}
const images = async (host: FakeHost): Promise<number> => (await host.deps.images.list(false)).length;
const kernels = async (host: FakeHost): Promise<number> => (await host.deps.kernels.list(false)).length;

const SHELVED = 'shelved';
const shelf = (host: FakeHost, name: string): string => join(host.directory, 'shelf', name);
/** The user has a kernel, unpacked and as an archive, and a catalog that names that. */
async function shelve(host: FakeHost): Promise<void> {
  await writeKernelTree(shelf(host, 'tree'));
  const tar = await kernelTar(shelf(host, 'tree'));
  await writeFile(shelf(host, 'kernel.tar'), tar);
  const place = urlPlace(pathToFileURL(shelf(host, 'kernel.tar')).href, tar);
  await writeFile(shelf(host, 'catalog.json'), catalogText([{ name: SHELVED, sources: [place] }]));
  host.kernelCatalogs.push(shelf(host, 'catalog.json'));
}

/** The user has a catalog whose image is a bundle, which is fetched from where it lies. */
async function shelveImage(host: FakeHost): Promise<void> {
  await mkdir(shelf(host, ''), { recursive: true });
  const { url, sha256, bytes } = urlPlace(pathToFileURL(BUNDLE).href, bundleFile());
  const entry = { name: SHELVED, distribution: 'small', arch: 'x86_64' };
  const images = [{ ...entry, sources: [{ type: 'bundle', url, sha256, bytes }] }];
  await writeFile(shelf(host, 'images.json'), JSON.stringify({ catalog: 1, images }));
  host.imageCatalogs.push(shelf(host, 'images.json'));
}
const ROOT_FS = 'rootfs.ext4';
/** The user has a root file system. */
async function shelveRoot(host: FakeHost): Promise<void> {
  await mkdir(shelf(host, ''), { recursive: true });
  await writeRootFs(shelf(host, ROOT_FS));
}
const register = async (host: FakeHost): Promise<unknown> =>
  host.deps.images.register({ name: 'registered', rootfs: shelf(host, ROOT_FS) }, never);

const createVm: Verb = {
  name: 'create',
  before: nothing,
  command: running,
  doneAlready: { code: 'name_taken', proof: isIn('running') },
};
const start: Verb = {
  name: 'start',
  before: stopped,
  command: (host) => host.vms.start(NAME, true, never),
  keeps: oneVm,
};

const recovery: Pick<Verb, 'command' | 'repeat'> = {
  command: (host) => host.recover(),
  repeat: (host) => host.vms.list(),
};

/** Time that passes ten times as fast as it does. */
const hurried: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms / 10, signal) };

/** The first VMM there is. */
function pidOf(host: FakeHost): number {
  const [process] = host.world.running;
  if (process === undefined) throw new Error('no VMM');
  return process.pid;
}

/** A VM that comes to its end by nobody's call, and is settled by the daemon. */
function endOf(what: string, said: RegExp, end: (host: FakeHost, pid: number) => void): Verb {
  const isOver = (host: FakeHost): boolean =>
    host.deps.vms.list().every(({ state }) => state === 'stopped' || state === 'error');
  return {
    name: `the settling of a VM that ${what}`,
    before: (host) => host.life.run(() => running(host)),
    command: async (host) => {
      end(host, pidOf(host));
      await until(() => isOver(host));
    },
    mayFail: true,
    // Nobody has seen how, or what was seen is told.
    keeps: async (host) =>
      isOver(host) &&
      host.deps.vms.list().every(({ reason }) => said.test(reason) || /no daemon saw how/.test(reason)),
    repeat: (host) => host.vms.start(NAME, true, never),
  };
}

/** Every command that makes, changes or removes something of the host. */
export const verbs: readonly Verb[] = [
  createVm,
  {
    ...createVm,
    name: 'create --no-start',
    command: stopped,
    doneAlready: { code: 'name_taken', proof: isIn('stopped') },
  },
  start,
  {
    ...start,
    name: 'start with another agent',
    before: async (host) => {
      await stopped(host);
      await writeFile(join(host.directory, 'agent'), 'a newer agent');
    },
  },
  { name: 'stop', before: running, command: (host) => host.vms.stop(NAME, false, never), keeps: oneVm },
  {
    name: 'stop --force',
    before: running,
    command: (host) => host.vms.stop(NAME, true, never),
    keeps: oneVm,
  },
  {
    name: 'restart',
    before: running,
    command: (host) => host.vms.restart(NAME, true, never),
    keeps: isIn('running'),
  },
  {
    name: 'kill',
    before: running,
    command: (host) => host.vms.kill(NAME, 'KILL', never),
    keeps: oneVm,
    doneAlready: { code: 'vm_not_running', proof: isIn('stopped') },
  },
  {
    name: 'set of a running VM',
    before: running,
    command: (host) => host.vms.set(NAME, { diskBytes: LARGER_BYTES, outbound: false }, never),
    keeps: isAsItsRowSays,
  },
  {
    name: 'set of a stopped VM',
    before: stopped,
    command: (host) => host.vms.set(NAME, { diskBytes: LARGER_BYTES }, never),
    keeps: oneVm,
  },
  {
    name: 'reset of a running VM',
    before: (host) => ofAnOldImage(host, true),
    command: (host) => host.vms.reset(NAME, true, never),
    keeps: async (host) => (await isIn('running')(host)) && (await isNotMixed(host)),
  },
  {
    name: 'reset of a stopped VM',
    before: (host) => ofAnOldImage(host, false),
    command: (host) => host.vms.reset(NAME, true, never),
    keeps: async (host) => (await isIn('stopped')(host)) && (await isNotMixed(host)),
  },
  {
    name: 'prune',
    before: stopped,
    command: (host) => host.vms.prune(NAME, never),
    doneAlready: { code: 'vm_not_found', proof: noVm },
  },
  {
    name: 'delete of a running VM',
    before: running,
    command: (host) => host.vms.delete(NAME),
    doneAlready: { code: 'vm_not_found', proof: noVm },
  },
  {
    name: 'delete of a stopped VM',
    before: stopped,
    command: (host) => host.vms.delete(NAME),
    doneAlready: { code: 'vm_not_found', proof: noVm },
  },
  {
    name: 'image pull',
    onEmptyHost: true,
    before: nothing,
    command: (host) => host.deps.images.pull({ image: IMAGE }, never),
  },
  {
    name: 'image pull of a layout',
    onEmptyHost: true,
    before: nothing,
    command: (host) => host.deps.images.pull({ image: `oci:${LAYOUT}`, name: 'from-a-layout' }, never),
  },
  {
    name: 'image pull of a bundle',
    onEmptyHost: true,
    before: nothing,
    command: (host) => host.deps.images.pull({ image: `bundle:${BUNDLE}`, name: 'from-a-bundle' }, never),
  },
  {
    name: 'image pull of a catalog of the user',
    onEmptyHost: true,
    before: shelveImage,
    command: (host) => host.deps.images.pull({ image: SHELVED }, never),
  },
  {
    name: 'image pull of a tarball that a client sends',
    onEmptyHost: true,
    before: nothing,
    command: async (host) => {
      const client = new AbortController();
      const sent = await host.deps.images.receive(Readable.from([TARBALL]), client.signal);
      await host.deps.images.pull({ image: `tarball:upload:${sent}`, name: 'sent' }, never);
      client.abort();
      await until(() => !readdirSync(host.layout.images).some((name) => name.startsWith('.')));
    },
  },
  { name: 'image register', before: shelveRoot, command: register },
  {
    name: 'image promote',
    before: async (host) => {
      await shelveRoot(host);
      await register(host);
    },
    command: (host) => host.deps.images.promote('registered', never),
    keeps: async (host) => (await images(host)) === 2,
  },
  {
    name: 'image export',
    before: nothing,
    command: async (host) => {
      for await (const _ of (await host.deps.images.export(IMAGE)).bytes(never));
    },
    keeps: async (host) => (await images(host)) === 1,
  },
  {
    name: 'image delete',
    before: nothing,
    command: (host) => host.deps.images.delete(IMAGE, never),
    doneAlready: { code: 'image_not_found', proof: async (host) => (await images(host)) === 0 },
  },
  {
    name: 'kernel pull',
    onEmptyHost: true,
    before: nothing,
    command: (host) => host.deps.kernels.pull(KERNEL, false, never),
    doneAlready: { code: 'kernel_exists', proof: async (host) => (await kernels(host)) === 1 },
  },
  {
    name: 'kernel pull --force',
    before: nothing,
    command: (host) => host.deps.kernels.pull(KERNEL, true, never),
    keeps: async (host) => (await kernels(host)) === 1,
  },
  {
    name: 'kernel pull from an address',
    onEmptyHost: true,
    before: shelve,
    command: (host) => host.deps.kernels.pull(SHELVED, false, never),
    doneAlready: { code: 'kernel_exists', proof: async (host) => (await kernels(host)) === 1 },
  },
  {
    name: 'kernel pull --force from an address',
    onEmptyHost: true,
    before: async (host) => {
      await shelve(host);
      await host.deps.kernels.pull(SHELVED, false, never);
    },
    command: (host) => host.deps.kernels.pull(SHELVED, true, never),
    keeps: async (host) => (await kernels(host)) === 1,
  },
  {
    name: 'kernel import --force',
    before: shelve,
    command: (host) => host.deps.kernels.import(KERNEL, { from: shelf(host, 'tree') }, true, never),
    keeps: async (host) => (await kernels(host)) === 1,
  },
  {
    name: 'kernel delete',
    before: (host) => host.deps.images.delete(IMAGE, never),
    command: (host) => host.deps.kernels.delete(KERNEL, never),
    doneAlready: { code: 'kernel_not_found', proof: async (host) => (await kernels(host)) === 0 },
  },
  endOf('powers off', /powered off/, (host, pid) => host.world.powerOff(pid)),
  endOf('panics', /panicked/, (host, pid) => host.world.panic(pid)),
  endOf('loses its VMM', /ended by SIGSEGV/, (host, pid) => host.world.die(pid, 'SIGSEGV')),
  {
    name: 'the wait of a VM for room',
    clock: hurried,
    before: async (host) => {
      await host.life.run(() => running(host));
      host.world.fillDisk(pidOf(host), 'work');
      await until(() => host.deps.vms.list().every(({ state }) => state === 'paused'));
    },
    command: (host) => until(() => host.deps.vms.list().every(({ state }) => state === 'running')),
    keeps: isIn('running'),
  },
  {
    ...recovery,
    name: 'recovery of a running VM',
    keeps: isIn('running'),
    before: async (host) => {
      await running(host);
      await host.succeed();
    },
  },
  {
    ...recovery,
    name: 'recovery of a VM tied to a client',
    before: async (host) => {
      const client = new AbortController();
      const spec = host.spec(NAME);
      await host.vms.create(spec, { start: true, waitInit: false, until: client.signal }, never);
      await host.succeed();
    },
  },
  {
    ...recovery,
    name: 'recovery of a VM whose row is gone before its resources',
    before: async (host) => {
      const { id } = await running(host);
      host.deps.vms.delete(id);
      await host.succeed();
    },
  },
];
