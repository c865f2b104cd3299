import { PassThrough, Readable } from 'node:stream';
import type { VmCopyIn, VmCopyOut } from '@banger/contract/copy';
import { BangerError } from '@banger/contract/error';
import type { ExecEnd, TerminalSize, VmExec } from '@banger/contract/exec';
import type { MethodName, ParamsOf, ResultOf } from '@banger/contract/methods';
import type { TreeRecord } from '@banger/contract/tree-record';
import type { VmPlan, VmSpec, VmView } from '@banger/contract/vm';
import type {
  CallOptions,
  CopyIn,
  CopyOut,
  DaemonClient,
  ExecSession,
  ImageExport,
  ImageUpload,
  LogsRequest,
} from './client.ts';

const GIB = 1024 ** 3;

/** A spec for tests. */
export function vmSpec(change: Partial<VmSpec> = {}): VmSpec {
  return {
    name: 'box',
    image: 'debian-bookworm',
    kernel: 'debian-bookworm',
    vcpu: 2,
    memoryMib: 2048,
    diskBytes: 8 * GIB,
    rootBytes: 8 * GIB,
    network: 'user',
    outbound: true,
    env: [],
    ...change,
  };
}

/** A running VM for tests; made two minutes before the fake clock's noon. */
export function vmView(change: Partial<VmView> = {}): VmView {
  const name = change.name ?? 'box';
  return {
    id: `id-${name}`,
    name,
    state: 'running',
    phase: '',
    reason: '',
    hint: '',
    stateSince: '2026-01-31T11:58:00.000Z',
    createdAt: '2026-01-31T12:00:00.000Z',
    lastUsedAt: '2026-01-31T11:55:00.000Z',
    spec: vmSpec({ name }),
    diskUsedBytes: 45 * 1024 ** 2,
    steps: [
      { name: 'disk', ms: 12, outcome: 'done' },
      { name: 'boot', ms: 4321, outcome: 'done' },
    ],
    warnings: [],
    runtime: {
      pid: 4242,
      vmm: 'qemu',
      accel: 'tcg',
      startedAt: '2026-01-31T11:58:00.000Z',
      bootId: 'b00t',
      agent: 'ready',
      agentSince: '2026-01-31T11:58:10.000Z',
      agentReason: '',
      init: 'ready',
      initDetail: '',
      ipv4: '10.0.2.15',
    },
    ephemeral: false,
    protected: false,
    ...change,
  };
}

/** A VM that does not run. */
export function stoppedVm(change: Partial<VmView> = {}): VmView {
  const { runtime: _, ...vm } = vmView(change);
  return { ...vm, state: 'stopped', ...change };
}

/** A plan that fetches nothing. */
export function vmPlan(change: Partial<VmPlan> = {}): VmPlan {
  return {
    spec: vmSpec(),
    origins: { name: 'default', vcpu: 'host', memoryMib: 'flag' },
    fetches: [],
    writes: ['/state/vms/ID'],
    vmm: 'qemu (tcg)',
    ...change,
  };
}

/** A command in a guest, played by the test. */
export class FakeSession implements ExecSession {
  readonly pid = 7;
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  readonly signals: number[] = [];
  readonly sizes: TerminalSize[] = [];
  closed = 0;
  readonly exit: Promise<ExecEnd>;
  readonly #resolve: (end: ExecEnd) => void;
  readonly #reject: (error: Error) => void;

  constructor() {
    const { promise, resolve, reject } = Promise.withResolvers<ExecEnd>();
    promise.catch(() => {});
    this.exit = promise;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  signal = async (signal: number): Promise<void> => void this.signals.push(signal);
  resize = async (size: TerminalSize): Promise<void> => void this.sizes.push(size);
  close = (): void => {
    this.closed += 1;
  };

  /** The command ends. */
  end(end: ExecEnd): void {
    this.stdout.end();
    this.stderr.end();
    this.#resolve(end);
  }

  /** The connection is lost. */
  lose(error: Error): void {
    this.stdout.end();
    this.stderr.end();
    this.#reject(error);
  }

  /** What the command was sent, up to now. */
  get received(): string {
    const chunk = this.stdin.read() as Buffer | null;
    return chunk === null ? '' : chunk.toString();
  }
}

type Handlers = {
  [M in MethodName]?: (params: ParamsOf<M>, options: CallOptions) => ResultOf<M> | Promise<ResultOf<M>>;
};

/** A daemon that answers as the test says, and keeps what it was asked. */
export class FakeDaemon implements DaemonClient {
  readonly hello = {
    protocol: 1,
    build: { version: '1.2.3', commit: 'abc', builtAt: '2026-01-01T00:00:00.000Z', build: 'b1' },
    // No process has this number: it is over the kernel's PID_MAX_LIMIT.
    pid: 4_194_305,
    busy: [],
  };
  readonly calls: { readonly method: string; readonly params: unknown }[] = [];
  readonly logRequests: LogsRequest[] = [];
  closed = 0;
  /** What `logs` and `events` give. */
  console: Readable = Readable.from([]);
  sessions: FakeSession[] = [];
  /** Called when a command is started; throws to refuse it. */
  onExec: (params: VmExec, session: FakeSession) => void = () => {};
  /** What was copied into a VM; the second is called before each, and refuses by throwing. */
  readonly records: TreeRecord[] = [];
  onRecord: (record: TreeRecord) => Promise<void> | void = () => {};
  /** What is copied out of one. */
  tree: (params: VmCopyOut) => AsyncIterable<TreeRecord> = () => Readable.from([]);
  /** What was sent as an image; the second is called before each, and refuses by throwing. */
  readonly sent: Buffer[] = [];
  onSent: (bytes: Buffer) => Promise<void> | void = () => {};
  /** What an image is as a bundle. */
  bundle: () => AsyncIterable<Buffer> = () => Readable.from([]);
  readonly #handlers: Handlers;

  constructor(handlers: Handlers = {}) {
    this.#handlers = handlers;
  }

  async call<M extends MethodName>(
    method: M,
    params: ParamsOf<M>,
    options: CallOptions = {},
  ): Promise<ResultOf<M>> {
    this.calls.push({ method, params });
    const handler = this.#handlers[method];
    if (handler === undefined) throw new Error(`the test did not expect ${method}`);
    return await handler(params, options);
  }

  async exec(params: VmExec): Promise<ExecSession> {
    this.calls.push({ method: 'vm.exec', params });
    const session = new FakeSession();
    this.sessions.push(session);
    this.onExec(params, session);
    return session;
  }

  async logs(params: LogsRequest): Promise<Readable> {
    this.logRequests.push(params);
    return this.console;
  }

  async events(params: ParamsOf<'events.watch'>): Promise<Readable> {
    this.calls.push({ method: 'events.watch', params });
    return this.console;
  }

  async copyIn(params: VmCopyIn): Promise<CopyIn> {
    this.calls.push({ method: 'vm.copyIn', params });
    const over = Promise.withResolvers<Error | undefined>();
    return {
      write: async (record) => {
        await this.onRecord(record);
        this.records.push(record);
      },
      end: async () => over.resolve(undefined),
      over: over.promise,
      close: () => over.resolve(undefined),
    };
  }

  async copyOut(params: VmCopyOut): Promise<CopyOut> {
    this.calls.push({ method: 'vm.copyOut', params });
    return { records: this.tree(params), close: () => {} };
  }

  async sendImage(): Promise<ImageUpload> {
    this.calls.push({ method: 'image.receive', params: {} });
    const over = Promise.withResolvers<Error | undefined>();
    return {
      write: async (bytes) => {
        await this.onSent(bytes);
        this.sent.push(bytes);
      },
      end: async () => {
        over.resolve(undefined);
        return 'ab'.repeat(32);
      },
      over: over.promise,
      close: () => over.resolve(undefined),
    };
  }

  async exportImage(params: ParamsOf<'image.export'>): Promise<ImageExport> {
    this.calls.push({ method: 'image.export', params });
    return { name: params.image, bytes: this.bundle(), close: () => {} };
  }

  close(): void {
    this.closed += 1;
  }

  /** The methods called, in their order. */
  get methods(): string[] {
    return this.calls.map(({ method }) => method);
  }

  /** The parameters of the first call of a method. */
  paramsOf(method: string): unknown {
    return this.calls.find((call) => call.method === method)?.params;
  }
}

/** A call that waits for ever, and fails as the daemon does when it is cancelled. */
export function untilCancelled({ signal }: CallOptions): Promise<never> {
  return new Promise((_, reject) => {
    const cancel = (): void => reject(new BangerError('cancelled', 'The call was cancelled.'));
    if (signal?.aborted === true) cancel();
    else signal?.addEventListener('abort', cancel);
  });
}
