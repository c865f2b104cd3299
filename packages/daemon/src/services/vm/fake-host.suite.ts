import { access, appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BangerError } from '@banger/contract/error';
import { resolvePaths } from '@banger/contract/paths';
import type { VmSpec } from '@banger/contract/vm';
import { listenOnUnixSocket, type UnixServer } from '@banger/testkit/unix-server';
import pino from 'pino';
import type { DiskDriver } from '../../drivers/disk/driver.ts';
import { FakeGuest } from '../../drivers/guest/fake/fake-guest.ts';
import { createGuestDriver } from '../../drivers/guest/unix-channel.ts';
import { createFakeImages } from '../../drivers/image/fake/fake-image-host.ts';
import { createFakeKernels } from '../../drivers/kernel/fake/fake-kernel-host.ts';
import { FakeNetwork } from '../../drivers/network/fake-network.ts';
import { NoNetwork } from '../../drivers/network/no-network.ts';
import type { VmmDriver } from '../../drivers/vmm/driver.ts';
import { FakeVmmDriver } from '../../drivers/vmm/fake/fake-vmm-driver.ts';
import { FakeVmmWorld } from '../../drivers/vmm/fake/fake-vmm-world.ts';
import { layoutOf } from '../../domain/layout.ts';
import type { VmDefaults } from '../../domain/vm-defaults.ts';
import { systemClock, type Clock } from '../../host/clock.ts';
import { ensurePrivateDir } from '../../host/private-files.ts';
import type { Database } from '../../store/database.ts';
import { LedgerRepository } from '../../store/ledger-repository.ts';
import { openState } from '../../store/open-state.ts';
import { RuntimeRepository } from '../../store/runtime-repository.ts';
import { VmRepository } from '../../store/vm-repository.ts';
import { ImageService } from '../image.ts';
import { KernelService } from '../kernel.ts';
import { Ledger } from '../ledger.ts';
import type { VmDeps } from './deps.ts';
import { VmLocks } from './locks.ts';
import { reconcile } from './reconcile.ts';
import { vmRemovers } from './resources.ts';
import type { VmRuntimeRow } from './runtime-row.ts';
import { VmService } from './service.ts';
import { VmStates } from './states.ts';

const GIB = 1024 ** 3;

/** What a wish leaves open. */
const vmDefaults: VmDefaults = {
  image: { value: 'debian-bookworm', origin: 'default' },
  vcpu: { value: 1, origin: 'host' },
  memoryMib: { value: 1024, origin: 'host' },
  diskBytes: { value: 8 * GIB, origin: 'default' },
  rootBytes: { value: 8 * GIB, origin: 'default' },
};

/** What a driver is about to be asked for; a test fails or holds the call by throwing or waiting. */
export type Call = 'createRoot' | 'createWork' | 'check' | 'probe' | 'launch' | 'launched' | 'configure';

/**
 * A host on which everything is pretended but the use cases, the store, the ledger and the files: VMMs live in memory, their guests
 * answer on real sockets. It outlives its daemons as a host does.
 */
export class FakeHost {
  readonly directory: string;
  readonly world = new FakeVmmWorld();
  readonly network = new FakeNetwork();
  readonly clock: Clock;
  readonly calls: Call[] = [];
  /** Called before each of these. */
  onCall: (call: Call, signal: AbortSignal | undefined) => Promise<void> | void = () => undefined;
  /** False: guests are there and answer nothing. */
  answers = true;
  /** The guest that was started last. */
  guest: FakeGuest | undefined;
  readonly #sockets: UnixServer[] = [];
  #database: Database;
  #deps: VmDeps;

  private constructor(directory: string, clock: Clock) {
    this.directory = directory;
    this.clock = clock;
    this.#database = openState(this.layout.paths.state);
    this.#deps = this.#compose();
  }

  static async make(clock: Clock = systemClock): Promise<FakeHost> {
    const directory = await mkdtemp(join(tmpdir(), 'banger-vm-'));
    const paths = resolvePaths({ env: { BANGER_HOME: directory }, home: directory, uid: 0 });
    for (const path of [paths.state, paths.run]) await ensurePrivateDir(path);
    await writeFile(join(directory, 'agent'), 'the agent');
    return new FakeHost(directory, clock);
  }

  get layout(): VmDeps['layout'] {
    return layoutOf(resolvePaths({ env: { BANGER_HOME: this.directory }, home: this.directory, uid: 0 }));
  }

  get deps(): VmDeps {
    return this.#deps;
  }

  get vms(): VmService {
    return new VmService(this.#deps);
  }

  /** What the ledger has, by kind. */
  get ledger(): string[] {
    return new LedgerRepository(this.#database).list().map(({ kind }) => kind);
  }

  spec(name: string, change: Partial<VmSpec> = {}): VmSpec {
    return {
      ...{ name, image: 'debian-bookworm', kernel: 'debian-cloud', vcpu: 1, memoryMib: 256 },
      ...{ diskBytes: 8 * GIB, rootBytes: 8 * GIB, network: 'user', outbound: true, env: [] },
      ...change,
    };
  }

  /** The daemon is killed, and another one begins. */
  async restart(): Promise<void> {
    for (const live of this.#deps.live.values()) {
      live.released.abort();
      live.session?.close();
      live.vmm.release();
    }
    this.#database.close();
    this.#database = openState(this.layout.paths.state);
    this.#deps = this.#compose();
    await reconcile(this.#deps);
  }

  async close(): Promise<void> {
    for (const { pid } of this.world.running) this.world.die(pid, 'SIGKILL');
    this.guest?.close();
    for (const socket of this.#sockets) await socket.close();
    this.#database.close();
    await rm(this.directory, { recursive: true });
  }

  #compose(): VmDeps {
    const { layout, clock } = this;
    const vms = new VmRepository(this.#database);
    const agent = join(this.directory, 'agent');
    const images = createFakeImages(layout.images);
    const kernels = createFakeKernels({ root: layout.kernels, agent });
    const networks = { user: this.network, none: new NoNetwork() };
    const vmm = this.#vmm();
    const log = pino({ level: 'silent' });
    let randoms = 0;
    return {
      vms,
      runtimes: new RuntimeRepository<VmRuntimeRow>(this.#database),
      ledger: new Ledger(new LedgerRepository(this.#database), vmRemovers(vmm, networks), clock),
      states: new VmStates(vms, clock, log),
      locks: new VmLocks(),
      live: new Map(),
      images: new ImageService(images.store, images.builder, vms),
      kernels: new KernelService(kernels.store, kernels.source, vms),
      vmm,
      disks: this.#disks(),
      networks,
      guest: createGuestDriver(clock),
      layout,
      defaults: vmDefaults,
      clock,
      log,
      asOperation: (_method, work) => work(),
      randomBytes: (count) => Buffer.alloc(count, (randoms += 1)),
    };
  }

  async #call(call: Call, signal?: AbortSignal): Promise<void> {
    this.calls.push(call);
    await this.onCall(call, signal);
    if (signal?.aborted === true) throw new BangerError('cancelled', `The ${call} was cancelled.`);
  }

  /** The fake VMMs, each with a guest on its agent's socket. */
  #vmm(): VmmDriver {
    const fake = new FakeVmmDriver(this.world);
    return {
      kind: fake.kind,
      features: fake.features,
      look: () => fake.look(),
      restore: () => fake.restore(),
      attach: (handle) => fake.attach(handle),
      remove: (token, handle) => fake.remove(token, handle),
      probe: async (signal) => {
        await this.#call('probe', signal);
        return fake.probe(signal);
      },
      launch: async (spec, signal) => {
        await this.#call('launch', signal);
        if (spec.network.kind === 'stream')
          this.#sockets.push(await listenOnUnixSocket(spec.network.socket, () => undefined));
        const running = await fake.launch(spec, signal);
        const { pid } = running.handle.process;
        await appendFile(spec.consoleLog, 'The kernel boots.\r\n');
        const guest = new FakeGuest({
          hello: { configured: false },
          commands: { wait: () => new Promise(() => undefined), true: () => ({ status: 0 }) },
          onConfigure: () => this.#call('configure'),
          onShutdown: () => this.world.powerOff(pid),
        });
        guest.silent = !this.answers;
        this.guest = guest;
        this.#sockets.push(
          await listenOnUnixSocket(running.handle.agentSocket, (socket) => guest.connect(socket)),
        );
        await this.#call('launched');
        return running;
      },
    };
  }

  #disks(): DiskDriver {
    return {
      kind: 'copy',
      createRoot: async ({ path, signal }) => {
        await this.#call('createRoot', signal);
        await writeFile(path, 'root');
      },
      createWork: async ({ path, signal }) => {
        await this.#call('createWork', signal);
        await writeFile(path, 'work');
      },
      clone: () => Promise.resolve(),
      grow: () => Promise.resolve(),
      check: async (path) => {
        await this.#call('check');
        await access(path).catch((cause: unknown) => {
          throw new BangerError('file_damaged', `The disk ${path} is missing.`, { cause });
        });
      },
      remove: (path) => rm(path, { force: true }),
      usedBytes: () => Promise.resolve(0),
    };
  }
}
