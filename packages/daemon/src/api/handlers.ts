import { buildInfo } from '@banger/contract/build-info';
import { PROTOCOL_VERSION, type MethodName, type Methods, type ResultOf } from '@banger/contract/methods';
import type { z } from 'zod';
import type { ConfigService } from '../services/config.ts';
import type { DaemonInfo } from '../services/daemon-info.ts';
import type { DoctorService } from '../services/doctor/service.ts';
import type { ImageService } from '../services/image.ts';
import type { KernelService } from '../services/kernel.ts';
import type { VmService } from '../services/vm/service.ts';
import type { ExecSessions } from './exec-sessions.ts';
import type { StreamOffers } from './streams.ts';

/** The services behind the API. */
export interface ApiServices {
  readonly config: ConfigService;
  readonly daemon: DaemonInfo;
  readonly doctor: DoctorService;
  readonly images: ImageService;
  readonly kernels: KernelService;
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
  const { config, daemon, doctor, images, kernels, vms, execs, streams } = services;
  return {
    'config.show': () => config.show(),
    'daemon.hello': async () => ({
      protocol: PROTOCOL_VERSION,
      build: buildInfo(),
      pid: process.pid,
      busy: daemon.busy(),
    }),
    'daemon.status': () => daemon.status(),
    'daemon.stop': async ({ ifIdle }) => {
      daemon.requestStop({ ifIdle });
      return { pid: process.pid };
    },
    'doctor.run': () => doctor.run(),
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
    'image.list': ({ available }) => images.list(available),
    'image.pull': ({ image }, { signal }) => images.pull(image, signal),
    'image.show': ({ image }) => images.show(image),
    'kernel.delete': async ({ kernel }, { signal }) => {
      await kernels.delete(kernel, signal);
      return {};
    },
    'kernel.import': ({ kernel, from, force }, { signal }) => kernels.import(kernel, from, force, signal),
    'kernel.list': ({ available }) => kernels.list(available),
    'kernel.pull': ({ kernel, force }, { signal }) => kernels.pull(kernel, force, signal),
    'kernel.show': ({ kernel }) => kernels.show(kernel),
    'vm.create': ({ spec, start, ephemeral, waitInit }, { signal, gone }) =>
      vms.create(spec, { start, waitInit, ...(ephemeral ? { until: gone } : {}) }, signal),
    'vm.delete': ({ vm }, { signal }) => vms.delete(vm, signal),
    'vm.exec': async (request, { signal }) => execs.start(await vms.exec(request, signal)),
    'vm.kill': ({ vm, signal: name }, { signal }) => vms.kill(vm, name, signal),
    'vm.list': () => vms.list(),
    'vm.logs': async ({ vm, follow, lines }, { gone }) =>
      streams.offerReadable(vms.logs(vm, { follow, ...(lines === undefined ? {} : { lines }) }, gone)),
    'vm.plan': (wish) => vms.plan(wish),
    'vm.restart': ({ vm, waitInit }, { signal }) => vms.restart(vm, waitInit, signal),
    'vm.show': ({ vm }) => vms.show(vm),
    'vm.start': ({ vm, waitInit }, { signal }) => vms.start(vm, waitInit, signal),
    'vm.stop': ({ vm, force }, { signal }) => vms.stop(vm, force, signal),
  };
}
