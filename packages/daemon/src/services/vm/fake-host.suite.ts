import { truncateSync, writeFileSync } from 'node:fs';
import { access, appendFile, mkdtemp, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { BangerError } from '@banger/contract/error';
import { resolvePaths } from '@banger/contract/paths';
import type { VmSpec } from '@banger/contract/vm';
import { listenOnUnixSocket, type UnixServer } from '@banger/testkit/unix-server';
import pino, { type Logger } from 'pino';
import type { DiskDriver } from '../../drivers/disk/driver.ts';
import { FakeGuest } from '../../drivers/guest/fake/fake-guest.ts';
import type { FakeGuestOptions } from '../../drivers/guest/fake/fake-state.ts';
import { createGuestDriver } from '../../drivers/guest/unix-channel.ts';
import { createFakeImages } from '../../drivers/image/fake/fake-image-host.ts';
import { archiveReaders } from '../../drivers/image/oci/archive-readers.ts';
import { createFakeKernels } from '../../drivers/kernel/fake/fake-kernel-host.ts';
import type { NetworkDriver } from '../../drivers/network/driver.ts';
import { FakeNetwork } from '../../drivers/network/fake-network.ts';
import { NoNetwork } from '../../drivers/network/no-network.ts';
import type { RunningVmm, VmmDriver } from '../../drivers/vmm/driver.ts';
import { FakeVmmDriver } from '../../drivers/vmm/fake/fake-vmm-driver.ts';
import { FakeVmmWorld } from '../../drivers/vmm/fake/fake-vmm-world.ts';
import { layoutOf } from '../../domain/layout.ts';
import type { VmDefaults } from '../../domain/vm-defaults.ts';
import type { VmRow } from '../../domain/vm-row.ts';
import { systemClock, type Clock } from '../../host/clock.ts';
import { ensurePrivateDir } from '../../host/private-files.ts';
import { BALLAST_BYTES, BALLAST_FILE } from '../../store/ballast.ts';
import type { Database } from '../../store/database.ts';
import { LedgerRepository } from '../../store/ledger-repository.ts';
import { openState } from '../../store/open-state.ts';
import { RuntimeRepository } from '../../store/runtime-repository.ts';
import { StatePlace } from '../../store/state-place.ts';
import { VmRepository } from '../../store/vm-repository.ts';
import { EventBus } from '../events.ts';
import { GcService, type LeftoverStores } from '../gc/service.ts';
import { ImageService } from '../image.ts';
import { KernelService } from '../kernel.ts';
import { Ledger } from '../ledger.ts';
import { Operations } from '../operations.ts';
import { recover } from '../recover.ts';
import { imageEvents, kernelEvents, vmEvents } from '../store-events.ts';
import { DaemonLife } from './crash/daemon-life.suite.ts';
import { MortalDatabase } from './crash/mortal-database.suite.ts';
import { mortal } from './crash/mortal-driver.suite.ts';
import type { VmDeps, VmSettings } from './deps.ts';
import type { MemoryGuests } from './memory-guests.suite.ts';
import { VmLocks } from './locks.ts';
import { vmRemovers } from './resources.ts';
import type { VmRuntimeRow } from './runtime-row.ts';
import { VmService } from './service.ts';
import { VmStates } from './states.ts';
import { StepsAtWork } from './steps-at-work.ts';
import { VmUses } from './uses.ts';

const GIB = 1024 ** 3;
const FLOOD_BYTES = 64 * 1024;

/** What a wish leaves open. */
const vmDefaults: VmDefaults = {
  image: { value: 'debian-bookworm', origin: 'default' },
  vcpu: { value: 1, origin: 'host' },
  memoryMib: { value: 1024, origin: 'host' },
  diskBytes: { value: 8 * GIB, origin: 'default' },
  rootBytes: { value: 8 * GIB, origin: 'default' },
};

/** What a driver is about to be asked for; a test fails or holds the call by throwing or waiting. */
export type Call =
  | 'build'
  | 'download'
  | 'createRoot'
  | 'createWork'
  | 'check'
  | 'grow'
  | 'probe'
  | 'network'
  | 'launch'
  | 'launched'
  | 'configure'
  | 'resize'
  | 'removeVmm'
  | 'setOutbound'
  | 'removeNetwork';

/** A driver's wait for its turn in a test; a daemon that is killed meanwhile goes no further. */
type Turn = (call: Call, signal?: AbortSignal) => Promise<void>;

/** What of a fake host may be chosen. */
export interface FakeHostOptions {
  /** Guests without sockets, where nothing may depend on how fast those are. */
  readonly guests?: MemoryGuests;
  readonly log?: Logger;
  /** Where its directory is made; the directory for temporary files unless told. */
  readonly place?: string;
}

/**
 * A host on which everything is pretended but the use cases, the store, the ledger and the files: VMMs live in memory, their guests
 * answer on real sockets. It outlives its daemons as a host does.
 */
export class FakeHost {
  readonly directory: string;
  readonly world = new FakeVmmWorld(() => this.clock.now());
  readonly network: FakeNetwork;
  readonly clock: Clock;
  readonly bus: EventBus;
  readonly operations: Operations;
  readonly calls: Call[] = [];
  /** Methods that the daemon called by itself. */
  readonly ownOperations: string[] = [];
  /** Called before each of these. */
  onCall: (call: Call, signal: AbortSignal | undefined) => Promise<void> | void = () => undefined;
  /** Called after each change of a VM's state. */
  onState: (row: VmRow) => void = () => undefined;
  /** What the configuration says, from the next daemon on. */
  settings: VmSettings = { autoStopStaleAfterMs: undefined };
  /** Catalogs of images and of kernels that the configuration names. */
  readonly imageCatalogs: string[] = [];
  readonly kernelCatalogs: string[] = [];
  /** False: guests are there and answer nothing. */
  answers = true;
  /** What the next guest has besides. */
  guestOptions: FakeGuestOptions = {};
  /** The guest that was started last. */
  guest: FakeGuest | undefined;
  readonly #sockets: UnixServer[] = [];
  readonly #options: FakeHostOptions;
  #life = new DaemonLife();
  #randoms = 0;
  #database: Database;
  #deps: VmDeps;
  #stores: LeftoverStores | undefined;

  private constructor(directory: string, clock: Clock, options: FakeHostOptions) {
    this.directory = directory;
    this.clock = clock;
    this.bus = new EventBus(clock);
    this.operations = new Operations(this.bus, clock);
    this.#options = options;
    // Guests in memory have no sockets, and so their VMMs have none.
    const listens = options.guests === undefined ? undefined : () => Promise.resolve(true);
    this.network = new FakeNetwork([], () => this.clock.now(), listens);
    this.#database = open(this.layout.paths.state);
    this.#deps = this.#compose();
  }

  static async make(clock: Clock = systemClock, options: FakeHostOptions = {}): Promise<FakeHost> {
    const directory = await mkdtemp(join(options.place ?? tmpdir(), 'banger-vm-'));
    const paths = resolvePaths({ env: { BANGER_HOME: directory }, home: directory, uid: 0 });
    for (const path of [paths.state, paths.run]) await ensurePrivateDir(path);
    await writeFile(join(directory, 'agent'), 'the agent');
    return new FakeHost(directory, clock, options);
  }

  get layout(): VmDeps['layout'] {
    const paths = resolvePaths({ env: { BANGER_HOME: this.directory }, home: this.directory, uid: 0 });
    return layoutOf(paths, paths.run);
  }

  get deps(): VmDeps {
    return this.#deps;
  }

  /** The daemon that runs now. */
  get life(): DaemonLife {
    return this.#life;
  }

  get vms(): VmService {
    return new VmService(this.#deps);
  }

  /** The collector of a daemon whose clock says it is so much later, so that nothing is too young for it. */
  gc(laterMs = 0): GcService {
    if (this.#stores === undefined) throw new Error('no daemon');
    const { clock } = this;
    const later: Clock = {
      now: () => clock.now() + laterMs,
      monotonic: () => clock.monotonic(),
      sleep: (ms, signal) => clock.sleep(ms, signal),
    };
    return new GcService({ ...this.#deps, clock: later }, this.#stores);
  }

  /** What the ledger has, by kind. */
  get ledger(): string[] {
    return this.ledgerOf();
  }

  /** What the ledger has of one VM, or of all, by kind. */
  ledgerOf(id?: string): string[] {
    return new LedgerRepository(this.#database).list(id).map(({ kind }) => kind);
  }

  /** What the ledger has, each with its owner. */
  get owned(): string[] {
    return new LedgerRepository(this.#database).list().map(({ vmId, kind }) => `${vmId} ${kind}`);
  }

  /** Owners of what is seen of running VMs. */
  get runtimeOwners(): string[] {
    return this.#database.all('SELECT vm_id FROM vm_runtimes').map((row) => String(row['vm_id']));
  }

  spec(name: string, change: Partial<VmSpec> = {}): VmSpec {
    return {
      ...{ name, image: 'debian-bookworm', kernel: 'debian-cloud', vcpu: 1, memoryMib: 256 },
      ...{ diskBytes: 8 * GIB, rootBytes: 8 * GIB, network: 'user', outbound: true, env: [] },
      ...change,
    };
  }

  /** The daemon is killed, unless it is dead already, and another one begins. */
  async restart(): Promise<void> {
    await this.succeed();
    await this.recover();
  }

  /** The same, but the other one has not recovered yet. */
  async succeed(): Promise<void> {
    this.#life.kill();
    await this.#life.buried();
    this.#database.close();
    this.#database = open(this.layout.paths.state);
    this.#life = new DaemonLife();
    this.#deps = this.#compose();
  }

  /** The host itself goes down, and comes up again with no daemon; what lay in the runtime directory is gone. */
  async reboot(): Promise<void> {
    this.#life.kill();
    await this.#life.buried();
    this.world.rebootHost();
    this.network.rebootHost();
    await rm(this.layout.paths.run, { recursive: true });
    await ensurePrivateDir(this.layout.paths.run);
  }

  /** What the daemon does first of all. */
  recover(): Promise<void> {
    return this.#life.run(() => recover(this.#deps, this.gc()));
  }

  async close(): Promise<void> {
    this.#life.kill();
    for (const { pid } of this.world.running) this.world.die(pid, 'SIGKILL');
    this.guest?.close();
    for (const socket of this.#sockets) await socket.close();
    this.#database.close();
    await rm(this.directory, { recursive: true });
  }

  #compose(): VmDeps {
    const { layout } = this;
    const life = this.#life;
    const clock = life.clock(this.clock);
    const turn = this.#turnsOf(life);
    const database = new MortalDatabase(life, this.#database);
    const vms = new VmRepository(database, vmEvents(this.bus));
    const agent = join(this.directory, 'agent');
    const images = createFakeImages(layout.images, imageEvents(this.bus), this.imageCatalogs);
    images.host.onBuild = (signal) => turn('build', signal);
    const kernels = createFakeKernels({
      ...{ root: layout.kernels, agent, readers: archiveReaders, changed: kernelEvents(this.bus) },
      catalogs: this.kernelCatalogs,
    });
    kernels.host.onDownload = (signal) => turn('download', signal);
    const networks = {
      user: mortal(life, 'network', this.#network(turn), { outlives: true }),
      none: new NoNetwork(),
    };
    const running = { name: 'running vmm', letGo: 'release' };
    const vmm = mortal(life, 'vmm', this.#vmm(turn), {
      outlives: true,
      results: { launch: running, attach: running },
    });
    const guests = this.#options.guests?.driver(life, clock) ?? createGuestDriver(clock);
    const guest = mortal(life, 'guest', guests, { results: { connect: { name: 'agent', letGo: 'close' } } });
    const log = this.#options.log ?? pino({ level: 'silent' });
    const place = new StatePlace(layout.database);
    const removers = life.bind(vmRemovers(vmm, networks, place));
    const kernelService = new KernelService(
      kernels.store,
      kernels.source,
      { vms, images: images.store },
      log,
    );
    const links = { leftovers: async () => [] };
    this.#stores = { images: images.store, kernels: kernels.store, blobs: images.blobs, links };
    return {
      vms,
      place,
      runtimes: new RuntimeRepository<VmRuntimeRow>(database),
      ledger: new Ledger(new LedgerRepository(database), removers, clock),
      states: new ToldStates(vms, clock, log, (row) => this.onState(row)),
      steps: new StepsAtWork(clock, log),
      locks: new VmLocks(),
      live: new Map(),
      uses: new VmUses(vms, clock, log),
      events: this.bus,
      images: new ImageService({ ...images, kernels: kernelService, vms, log }),
      kernels: kernelService,
      vmm,
      disks: mortal(life, 'disks', this.#disks(turn)),
      networks,
      guest,
      layout,
      defaults: vmDefaults,
      settings: this.settings,
      clock,
      log,
      asOperation: (method, work) => {
        this.ownOperations.push(method);
        return work();
      },
      randomBytes: (count) => {
        const bytes = Buffer.alloc(count);
        bytes.writeUInt32BE((this.#randoms += 1), count - 4);
        return bytes;
      },
    };
  }

  async #call(call: Call, signal?: AbortSignal): Promise<void> {
    this.calls.push(call);
    await this.onCall(call, signal);
    if (signal?.aborted === true) throw new BangerError('cancelled', `The ${call} was cancelled.`);
  }

  /** What waits for its turn when its daemon is killed is not done. */
  #turnsOf({ death }: DaemonLife): Turn {
    const killed = new Promise<never>((_resolve, reject) => {
      death.addEventListener('abort', () => reject(new Error('killed while it waited')), { once: true });
    });
    killed.catch(() => undefined);
    return (call, signal) => Promise.race([this.#call(call, signal), killed]);
  }

  /** The fake VMMs, each with a guest on its agent's socket. */
  #vmm(turn: Turn): VmmDriver {
    const fake = new FakeVmmDriver(this.world);
    return {
      kind: fake.kind,
      features: fake.features,
      look: () => fake.look(),
      restore: () => fake.restore(),
      attach: async (handle) => watched(await fake.attach(handle), turn),
      remove: async (token, handle) => {
        await turn('removeVmm');
        await fake.remove(token, handle);
      },
      find: (directory) => fake.find(directory),
      leftovers: () => fake.leftovers(),
      probe: async (signal, onTrial) => {
        await turn('probe', signal);
        return fake.probe(signal, onTrial);
      },
      launch: async (spec, signal) => {
        await turn('launch', signal);
        if (spec.network.kind === 'stream' && this.#options.guests === undefined)
          this.#sockets.push(await listenOnUnixSocket(spec.network.socket, () => undefined));
        const running = await fake.launch(spec, signal);
        const { pid } = running.handle.process;
        const { guests } = this.#options;
        if (guests !== undefined) {
          guests.boot(this.world, pid, running.handle.agentSocket);
          await turn('launched');
          return running;
        }
        await appendFile(spec.consoleLog, 'The kernel boots.\r\n');
        const guest = new FakeGuest({
          hello: { configured: false },
          commands: { wait: () => new Promise(() => undefined), true: () => ({ status: 0 }), flood },
          onConfigure: () => this.#call('configure'),
          onShutdown: () => this.world.powerOff(pid),
          now: () => this.clock.now(),
          ...this.guestOptions,
        });
        guest.silent = !this.answers;
        this.guest = guest;
        this.#sockets.push(
          await listenOnUnixSocket(running.handle.agentSocket, (socket) => guest.connect(socket)),
        );
        await turn('launched');
        return watched(running, turn);
      },
    };
  }

  #network(turn: Turn): NetworkDriver {
    const { network } = this;
    return {
      kind: network.kind,
      features: network.features,
      probe: () => network.probe(),
      status: (handle) => network.status(handle),
      sweep: (dir) => network.sweep(dir),
      find: (directory) => network.find(directory),
      nic: (spec) => network.nic(spec),
      prepare: async (spec) => {
        await turn('network', spec.signal);
        return network.prepare(spec);
      },
      setOutbound: async (handle, outbound) => {
        await turn('setOutbound');
        await network.setOutbound(handle, outbound);
      },
      remove: async (handle) => {
        await turn('removeNetwork');
        await network.remove(handle);
      },
    };
  }

  #disks(turn: Turn): DiskDriver {
    return {
      kind: 'copy',
      createRoot: async ({ path, bytes, signal }) => {
        await turn('createRoot', signal);
        await makeDisk(path, 'root', bytes);
      },
      createWork: async ({ path, bytes, signal }) => {
        await turn('createWork', signal);
        await makeDisk(path, 'work', bytes);
      },
      clone: () => Promise.resolve(),
      size: async ({ path }) => (await stat(path)).size,
      grow: async ({ path }, bytes) => {
        await turn('grow');
        await truncate(path, bytes);
      },
      check: async ({ path }) => {
        await turn('check');
        await access(path).catch((cause: unknown) => {
          throw new BangerError('file_damaged', `The disk ${path} is missing.`, { cause });
        });
      },
      remove: (path) => rm(path, { force: true }),
      usedBytes: () => Promise.resolve(0),
    };
  }
}

/** States that a test hears of. */
class ToldStates extends VmStates {
  readonly #told: (row: VmRow) => void;

  constructor(vms: VmRepository, clock: Clock, log: Logger, told: (row: VmRow) => void) {
    super(vms, clock, log);
    this.#told = told;
  }

  protected override write(...move: Parameters<VmStates['write']>): VmRow {
    const row = super.write(...move);
    this.#told(row);
    return row;
  }
}

/** A pretended host never loses power, nor is its disk ever full: its state need not wait for a disk, and its ballast need not weigh. */
function open(directory: string): Database {
  const ballast = join(directory, BALLAST_FILE);
  writeFileSync(ballast, '');
  truncateSync(ballast, BALLAST_BYTES);
  const database = openState(directory);
  database.get('PRAGMA synchronous = OFF');
  return database;
}

/** A command that writes without end, as fast as it is read. */
async function flood({
  stdout,
  hangUp,
}: {
  stdout: Writable;
  hangUp: AbortSignal;
}): Promise<{ status: number }> {
  while (!hangUp.aborted) {
    if (!stdout.writableNeedDrain) stdout.write(Buffer.alloc(FLOOD_BYTES));
    await setImmediate();
  }
  return { status: 1 };
}

/** A sparse file of the size that a disk would have, whole as soon as it is there. */
async function makeDisk(path: string, content: string, bytes: number): Promise<void> {
  await writeFile(`${path}.new`, content);
  await truncate(`${path}.new`, bytes);
  await rename(`${path}.new`, path);
}

/** Waits for what follows by itself, some seconds at most. */
export async function until(check: () => boolean): Promise<void> {
  for (const end = Date.now() + 5_000; !check() && Date.now() < end;)
    await new Promise((resolve) => setTimeout(resolve, 5));
  if (!check()) throw new Error(`It did not come to: ${String(check)}`);
}

/** A VMM with its calls told. */
function watched(running: RunningVmm, turn: Turn): RunningVmm {
  const resize = running.resizeDisk.bind(running);
  return Object.assign(running, {
    resizeDisk: async (serial: string, bytes: number) => {
      await turn('resize');
      await resize(serial, bytes);
    },
  });
}
