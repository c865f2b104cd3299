import { buildInfo } from '@banger/contract/build-info';
import { PROTOCOL_VERSION, type MethodName, type Methods, type ResultOf } from '@banger/contract/methods';
import type { OperationView } from '@banger/contract/operation';
import type { Connection } from '@banger/rpc/handler';
import type { z } from 'zod';
import type { ConfigService } from '../services/config.ts';
import type { DaemonInfo } from '../services/daemon-info.ts';
import type { DoctorService } from '../services/doctor/service.ts';
import { watchEvents, type EventSources } from '../services/event-watch.ts';
import { diskUses } from '../services/disk-uses.ts';
import { pruneLayers } from '../services/layer-cache.ts';
import type { LayerCache } from '../drivers/image/driver.ts';
import type { GcService } from '../services/gc/service.ts';
import type { ImageService } from '../services/image.ts';
import type { KernelService } from '../services/kernel.ts';
import type { Operations } from '../services/operations.ts';
import type { VmService } from '../services/vm/service.ts';
import { rememberClient } from './client-process.ts';
import { offerCopyIn, offerCopyOut, offerDownload, offerUpload } from './copies.ts';
import type { ExecSessions } from './exec-sessions.ts';
import type { StreamOffers } from './streams.ts';

/** The services behind the API. */
export interface ApiServices {
  readonly config: ConfigService;
  readonly daemon: DaemonInfo;
  readonly doctor: DoctorService;
  readonly gc: GcService;
  readonly layers: LayerCache;
  readonly images: ImageService;
  readonly kernels: KernelService;
  readonly operations: Operations;
  readonly events: EventSources;
  readonly vms: VmService;
  readonly execs: ExecSessions;
  readonly streams: StreamOffers;
}

/** What a handler knows of its caller. */
export interface Caller {
  /** Fires when the caller cancels or leaves. */
  readonly signal: AbortSignal;
  /** Fires when the caller's connection has ended. */
  readonly gone: AbortSignal;
  readonly connection: Connection;
  /** Sends progress of another operation to the caller. */
  readonly watch: (event: object) => void;
  /** Begins a call that goes on when the caller leaves. */
  readonly begin: (method: string, params: unknown) => OperationView;
}

/** Parameters as they are after validation, with defaults filled in. */
type Valid<M extends MethodName> = z.output<Methods[M]['params']>;

/** One handler a method, but for `stream.attach`, which is the transport's own. */
export type Handlers = {
  readonly [M in Exclude<MethodName, 'stream.attach'>]: (
    params: Valid<M>,
    caller: Caller,
  ) => Promise<ResultOf<M>>;
};

/** The handlers: each calls one service. */
export function handlers(services: ApiServices): Handlers {
  const { config, daemon, doctor, gc, images, kernels, layers, operations, events, vms, execs, streams } =
    services;
  return {
    'cache.prune': ({ dryRun }) => pruneLayers(layers, dryRun),
    'config.show': () => config.show(),
    'daemon.diskUse': () => diskUses(services),
    'daemon.gc': ({ dryRun }, { signal }) => gc.run(dryRun, signal),
    'daemon.hello': async ({ pid }, { connection }) => {
      rememberClient(connection, pid);
      return { protocol: PROTOCOL_VERSION, build: buildInfo(), pid: process.pid, busy: daemon.busy() };
    },
    'daemon.status': () => daemon.status(),
    'daemon.stop': async ({ ifIdle }) => ({ pid: process.pid, busy: daemon.requestStop({ ifIdle }) }),
    'doctor.run': () => doctor.run(),
    'events.watch': async (watch) => streams.offerReadable(watchEvents(events, watch.vms), { kind: 'look' }),
    'exec.resize': async ({ session, rows, columns }) => {
      await execs.get(session).resize(rows, columns);
      return {};
    },
    'exec.signal': async ({ session, signal }) => {
      await execs.get(session).signal(signal);
      return {};
    },
    'image.delete': async ({ image }, { signal }) => {
      await images.delete(image, signal);
      return {};
    },
    'image.export': async ({ image }) => offerDownload(streams, await images.export(image)),
    'image.list': ({ available }) => images.list(available),
    'image.promote': ({ image }, { signal }) => images.promote(image, signal),
    'image.pull': (wish, { signal }) => images.pull(wish, signal),
    'image.receive': async (_nothing, { gone }) =>
      offerUpload(streams, (bytes) => images.receive(bytes, gone), gone),
    'image.register': ({ image, ...files }, { signal }) => images.register({ name: image, ...files }, signal),
    'image.show': ({ image }) => images.show(image),
    'kernel.delete': async ({ kernel }, { signal }) => {
      await kernels.delete(kernel, signal);
      return {};
    },
    'kernel.import': ({ kernel, force, ...files }, { signal }) =>
      kernels.import(kernel, files, force, signal),
    'kernel.list': ({ available }) => kernels.list(available),
    'kernel.pull': ({ kernel, force }, { signal }) => kernels.pull(kernel, force, signal),
    'kernel.show': ({ kernel }) => kernels.show(kernel),
    'operation.cancel': ({ operation }, { signal }) => operations.cancel(operation, signal),
    'operation.list': async ({ all }) => operations.list(all),
    'operation.show': async ({ operation }) => operations.show(operation),
    'operation.start': async ({ method, params }, { begin }) => begin(method, params),
    'operation.watch': ({ operation }, { signal, watch }) => operations.watch(operation, watch, signal),
    'vm.copyIn': async (request, { gone }) => offerCopyIn(streams, await vms.copyIn(request), gone),
    'vm.copyOut': async (request, { signal }) => offerCopyOut(streams, await vms.copyOut(request, signal)),
    'vm.create': ({ spec, start, ephemeral, waitInit }, { signal, gone }) =>
      vms.create(spec, { start, waitInit, ...(ephemeral ? { until: gone } : {}) }, signal),
    'vm.delete': ({ vm }, { signal }) => vms.delete(vm, signal),
    'vm.exec': async (request, { signal, gone }) => execs.start(await vms.exec(request, signal), gone),
    'vm.kill': ({ vm, signal: name }, { signal }) => vms.kill(vm, name, signal),
    'vm.list': () => vms.list(),
    'vm.logs': async ({ vm, follow, lines }, { gone }) =>
      streams.offerReadable(vms.logs(vm, { follow, ...(lines === undefined ? {} : { lines }) }, gone)),
    'vm.ping': ({ vm, count }, { signal }) => vms.ping(vm, count, signal),
    'vm.plan': (wish) => vms.plan(wish),
    'vm.ports': ({ vm, probe }, { signal }) => vms.ports(vm, probe, signal),
    'vm.protect': ({ vm, protected: kept }, { signal }) => vms.protect(vm, kept, signal),
    'vm.prunable': () => vms.prunable(),
    'vm.prune': ({ vm }, { signal }) => vms.prune(vm, signal),
    'vm.reset': ({ vm, waitInit }, { signal }) => vms.reset(vm, waitInit, signal),
    'vm.restart': ({ vm, waitInit }, { signal }) => vms.restart(vm, waitInit, signal),
    'vm.set': ({ vm, change }, { signal }) => vms.set(vm, change, signal),
    'vm.show': ({ vm }) => vms.show(vm),
    'vm.start': ({ vm, waitInit }, { signal }) => vms.start(vm, waitInit, signal),
    'vm.stats': ({ vm }, { signal }) => vms.stats(vm, signal),
    'vm.stop': ({ vm, force }, { signal }) => vms.stop(vm, force, signal),
  };
}
