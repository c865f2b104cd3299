import { randomBytes } from 'node:crypto';
import { access, constants } from 'node:fs/promises';
import { cpus, homedir, release } from 'node:os';
import { join } from 'node:path';
import { installation } from '@banger/contract/installation';
import type { Handler } from '@banger/rpc/handler';
import type { StreamRegistry } from '@banger/rpc/stream-registry';
import type { Logger } from 'pino';
import { ExecSessions } from './api/exec-sessions.ts';
import { handlers } from './api/handlers.ts';
import { methodTable } from './api/method-table.ts';
import { StreamOffers } from './api/streams.ts';
import { settingsOf } from './config/effective.ts';
import { loadConfig, type LoadedConfig } from './config/load.ts';
import { registriesOf } from './config/registry-keys.ts';
import { layoutOf } from './domain/layout.ts';
import { DEFAULT_KERNEL } from './domain/vm-defaults.ts';
import { createQcow2Disks } from './drivers/disk/qcow2/disks.ts';
import { createGuestDriver } from './drivers/guest/unix-channel.ts';
import { MOST_BUNDLE_BYTES } from './drivers/image/bundle/bundle-address.ts';
import { bundleExporter } from './drivers/image/bundle/write-bundle.ts';
import { BuildNamespace } from './drivers/image/build-namespace.ts';
import { RecipeImageBuilder } from './drivers/image/builder.ts';
import { ConfiguredImageCatalogs } from './drivers/image/catalogs.ts';
import { OciImagePuller } from './drivers/image/pull/puller.ts';
import { BlobCache } from './drivers/image/registry/blob-cache.ts';
import { RegistryClient } from './drivers/image/registry/client.ts';
import { ConfiguredCredentials } from './drivers/image/registry/credentials.ts';
import { archiveReaders } from './drivers/image/oci/archive-readers.ts';
import { packDirectory } from './drivers/image/ext4/pack-directory.ts';
import { FileImageRegistrar } from './drivers/image/register/registrar.ts';
import { ImageDirectory } from './drivers/image/store.ts';
import { StagedUploads } from './drivers/image/upload/uploads.ts';
import { HostKernelSource } from './drivers/kernel/source.ts';
import { KernelDirectory } from './drivers/kernel/store.ts';
import { NoNetwork } from './drivers/network/no-network.ts';
import { UserNetwork } from './drivers/network/user-network.ts';
import { createQemuDriver } from './drivers/vmm/qemu/qemu-driver.ts';
import { systemClock } from './host/clock.ts';
import { Downloads } from './host/http/download.ts';
import { readDistribution } from './host/distribution.ts';
import { lookAtUnit } from './host/look-at-unit.ts';
import { createRunner } from './host/execa-runner.ts';
import { lookAtPrivateDir } from './host/private-dir.ts';
import { ProcessTable } from './host/process-identity.ts';
import type { RunDirectory } from './host/run-directory.ts';
import { ConfigService } from './services/config.ts';
import { DaemonInfo } from './services/daemon-info.ts';
import { startChores } from './services/background-loop.ts';
import { DoctorService } from './services/doctor/service.ts';
import { EventBus } from './services/events.ts';
import { finishedOperations } from './services/finished-operations.ts';
import { reaper } from './services/gc/reaper.ts';
import { GcService } from './services/gc/service.ts';
import { ImageService } from './services/image.ts';
import { KernelService } from './services/kernel.ts';
import { Ledger } from './services/ledger.ts';
import { AGENT_KEY_BYTES } from './services/vm/agent-key.ts';
import { autoStop } from './services/vm/auto-stop.ts';
import { health } from './services/vm/health.ts';
import { portEvents } from './services/vm/port-events.ts';
import { keepShort } from './services/keep-short.ts';
import { ownOperation } from './services/operation.ts';
import { recover } from './services/recover.ts';
import { subjectOf } from './services/operation-subject.ts';
import { Operations } from './services/operations.ts';
import { imageEvents, kernelEvents, vmEvents } from './services/store-events.ts';
import { kernelCommandLine } from './services/vm/kernel-command-line.ts';
import { VmLocks } from './services/vm/locks.ts';
import { vmRemovers } from './services/vm/resources.ts';
import type { VmRuntimeRow } from './services/vm/runtime-row.ts';
import { VmService } from './services/vm/service.ts';
import { VmStates } from './services/vm/states.ts';
import { StepsAtWork } from './services/vm/steps-at-work.ts';
import { VmUses } from './services/vm/uses.ts';
import type { VmDeps } from './services/vm/deps.ts';
import type { BangerPaths } from '@banger/contract/paths';
import type { Database } from './store/database.ts';
import { LedgerRepository } from './store/ledger-repository.ts';
import type { StatePlace } from './store/state-place.ts';
import type { StateLook } from './store/look-at-state.ts';
import { RuntimeRepository } from './store/runtime-repository.ts';
import { VmRepository } from './store/vm-repository.ts';

/** A daemon put together, not yet listening. */
export interface Daemon {
  readonly methods: ReadonlyMap<string, Handler>;
  readonly streams: StreamRegistry;
  readonly info: DaemonInfo;
  readonly doctor: DoctorService;
  readonly operations: Operations;
  /** Brings rows and host together after whatever ended the daemon before, and from then on does the daemon's chores. */
  recover(): Promise<void>;
  /** Lets go of all VMs, which run on. */
  release(): void;
}

/** From a hello sent to its answer, while KVM is tried; the check has a time limit of its own. */
const PROBE_HELLO_MS = 60_000;
/** Sparse: what ext4 needs to be one, with a journal. */
const SCRATCH_DISK_BYTES = 64 * 1024 ** 2;

/** What a daemon works on. */
interface Parts {
  readonly config: LoadedConfig;
  readonly database: Database;
  /** Whether that is still the state of this daemon. */
  readonly place: Pick<StatePlace, 'check'>;
  /** The directory for sockets. */
  readonly run: RunDirectory;
  /** How the doctor sees that database. */
  readonly lookAtState: () => StateLook;
  readonly log: Logger;
}

/** The composition root: the only place that knows which drivers there are. It makes and reads nothing yet. */
export function compose(
  paths: BangerPaths,
  { config, database, place, run, lookAtState, log }: Parts,
): Daemon {
  const settings = settingsOf(config.effective);
  const layout = layoutOf(paths, run.path);
  const clock = systemClock;
  const runner = createRunner();
  const processes = new ProcessTable();
  const { assets } = installation();
  const agent = join(assets, 'guest/agent');
  const netguard = join(assets, 'netguard/netguard');

  const bus = new EventBus(clock);
  const operations = new Operations(bus, clock);
  const vms = new VmRepository(database, vmEvents(bus));
  const namespace = new BuildNamespace(runner);
  const imageStore = new ImageDirectory(layout.images, (path) => namespace.remove(path), imageEvents(bus));
  const imageCatalogs = new ConfiguredImageCatalogs(settings.imageCatalogs);
  const imageBuilder = new RecipeImageBuilder({
    ...{ store: imageStore, runner, namespace, now: clock.now },
    recipe: (name) => imageCatalogs.recipe(name),
  });
  const kernelStore = new KernelDirectory({
    root: layout.kernels,
    agent,
    runner,
    makeDisk: packDirectory,
    changed: kernelEvents(bus),
  });
  const kernelSource = new HostKernelSource({
    store: kernelStore,
    runner,
    agent,
    readers: archiveReaders,
    downloads: { hosts: registriesOf(config.registries), clock },
    catalogs: settings.kernelCatalogs,
  });
  const blobs = new BlobCache(layout.blobs);
  const registry = new RegistryClient({
    registries: registriesOf(config.registries),
    credentials: new ConfiguredCredentials({ runner, environment: process.env, home: homedir() }),
    cache: blobs,
    clock,
  });
  const downloads = new Downloads({
    ...{ hosts: registriesOf(config.registries), clock },
    mostBytes: MOST_BUNDLE_BYTES,
  });
  const uploads = new StagedUploads(imageStore.staged, MOST_BUNDLE_BYTES);
  const puller = new OciImagePuller({ store: imageStore, registry, downloads, uploads, now: clock.now });
  const kernels = new KernelService(kernelStore, kernelSource, { vms, images: imageStore }, log);
  const registrar = new FileImageRegistrar({ store: imageStore, now: clock.now });
  const images = new ImageService({
    ...{
      store: imageStore,
      catalogs: imageCatalogs,
      builder: imageBuilder,
      puller,
      exporter: bundleExporter,
      registrar,
      uploads,
    },
    ...{ kernels, vms, log },
  });

  const guest = createGuestDriver(clock);
  const disks = createQcow2Disks(runner);
  const vmm = createQemuDriver({
    runner,
    processes,
    clock,
    dir: layout.kvmCheck,
    verdictFile: layout.kvmVerdict,
    machine: { hostKernel: release(), cpu: cpus()[0]?.model ?? 'unknown' },
    scratchDisk: (path, signal) => disks.createWork({ path, bytes: SCRATCH_DISK_BYTES, signal }),
    hello: async (path, signal) => {
      const key = randomBytes(AGENT_KEY_BYTES);
      (await guest.connect({ kind: 'unix', path, key }, { deadlineMs: PROBE_HELLO_MS, signal })).close();
    },
    probeGuest: async (signal) => {
      const kernel = await kernels.ensure(DEFAULT_KERNEL, signal);
      const { vmlinux, initramfs } = await kernels.ready(kernel.manifest.name, signal);
      return { kernel: vmlinux, initrd: initramfs, cmdline: kernelCommandLine('agent') };
    },
  });
  const networks = {
    user: new UserNetwork({ runner, processes, clock, netguard }),
    none: new NoNetwork(),
  };
  const info = new DaemonInfo(layout, vms, clock.now());
  const deps: VmDeps = {
    vms,
    place,
    runtimes: new RuntimeRepository<VmRuntimeRow>(database),
    ledger: new Ledger(new LedgerRepository(database), vmRemovers(vmm, networks, place), clock),
    states: new VmStates(vms, clock, log),
    steps: new StepsAtWork(clock, log),
    locks: new VmLocks(),
    live: new Map(),
    uses: new VmUses(vms, clock, log),
    events: bus,
    images,
    kernels,
    vmm,
    disks,
    networks,
    guest,
    layout,
    defaults: settings.vmDefaults,
    settings,
    clock,
    log,
    randomBytes,
    asOperation: (method, work, on) => {
      const operation = ownOperation(method, on);
      return info.during(operation, () => operations.run({ ...operation, detached: true }, work));
    },
  };

  const configs = new ConfigService(config, () => loadConfig(config.input));
  const doctor = new DoctorService({
    runner,
    vmm,
    network: networks.user,
    images: imageStore,
    kernels: kernelStore,
    assets: { agent, netguard },
    isExecutable,
    directories: [paths.state, paths.cache, ...(run.isLinked ? [run.links] : [])],
    lookAtDirectory: (path) => lookAtPrivateDir(path),
    lookAtState,
    unit: lookAtUnit(runner),
    layout,
    config: configs,
    defaultImage: settings.vmDefaults.image.value,
    arch: process.arch,
    uid: config.input.uid,
    distribution: () => readDistribution(),
  });
  const gc = new GcService(deps, { images: imageStore, kernels: kernelStore, blobs, links: run });
  const streams = new StreamOffers(info, log);
  const execs = new ExecSessions(streams);
  const api = handlers({
    config: configs,
    daemon: info,
    doctor,
    gc,
    layers: blobs,
    images,
    kernels,
    operations,
    events: { bus, vms, operations },
    vms: new VmService(deps),
    execs,
    streams,
  });
  const ended = new AbortController();
  return {
    methods: methodTable(api, {
      ...{ daemon: info, operations, place, log },
      subjectOf: (params) => subjectOf(params, () => vms.list()),
    }),
    streams: streams.registry,
    info,
    doctor,
    operations,
    recover: async () => {
      await recover(deps, gc);
      const ofVms = [health(deps), portEvents(deps), autoStop(deps)];
      const chores = [...ofVms, reaper(gc), finishedOperations(operations, clock), keepShort(run)];
      startChores(chores, deps, ended.signal);
    },
    release: () => {
      ended.abort();
      releaseAll(deps);
      deps.uses.write();
    },
  };
}

/** Closes channels and stops watching; nothing of a VM ends by it. */
function releaseAll(deps: VmDeps): void {
  for (const live of deps.live.values()) {
    live.released.abort();
    live.session?.close();
    live.vmm.release();
  }
  deps.live.clear();
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}
