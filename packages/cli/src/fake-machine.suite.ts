import { EventEmitter } from 'node:events';
import { PassThrough, Writable } from 'node:stream';
import type { DaemonClient } from './client.ts';
import type { Clock } from './clock.ts';
import { runCli } from './cli.ts';
import type { ConnectRequest, Input, Machine, Output } from './machine.ts';
import { signalSource, type HandledSignal } from './terminal/signals.ts';

/** Time that passes only when it is told to. */
export class FakeClock implements Clock {
  #now = Date.parse('2026-01-31T12:00:00Z');
  readonly #start = this.#now;
  #timers: { at: number; every: number | undefined; call: () => void }[] = [];

  now = (): number => this.#now;
  monotonic = (): number => this.#now - this.#start;
  after = (ms: number, call: () => void): (() => void) => this.#add(ms, undefined, call);
  every = (ms: number, call: () => void): (() => void) => this.#add(ms, ms, call);

  /** Lets `ms` pass; timers fire in their order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#timers.filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined) break;
      this.#now = next.at;
      if (next.every === undefined) this.#timers = this.#timers.filter((timer) => timer !== next);
      else next.at += next.every;
      next.call();
    }
    this.#now = end;
  }

  /** Timers that wait. */
  get pending(): number {
    return this.#timers.length;
  }

  #add(ms: number, every: number | undefined, call: () => void): () => void {
    const timer = { at: this.#now + ms, every, call };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((other) => other !== timer);
    };
  }
}

/** Standard output or error that keeps what is written. */
class FakeOutput extends Writable {
  readonly chunks: Buffer[] = [];
  isTTY?: boolean;
  columns?: number;
  rows?: number;
  /** Fails every further write with EPIPE. */
  broken = false;

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    if (this.broken) {
      done(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
      return;
    }
    this.chunks.push(chunk);
    done();
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }
}

/** What a test can set, and what happened. */
export interface FakeMachine extends Machine {
  readonly stdin: Input & PassThrough;
  readonly stdout: Output & FakeOutput;
  readonly stderr: Output & FakeOutput;
  readonly clock: FakeClock;
  readonly rawModes: boolean[];
  readonly exits: number[];
  readonly connects: ConnectRequest[];
  kill(signal: HandledSignal): void;
}

/** How a fake machine is to be. */
export interface FakeOptions {
  readonly client?: DaemonClient | undefined;
  readonly connect?: Machine['connect'];
  readonly examine?: Machine['examine'];
  /** Which of the three are terminals. */
  readonly terminals?: readonly ('stdin' | 'stdout' | 'stderr')[];
  readonly columns?: number;
  readonly env?: Readonly<Record<string, string>>;
  readonly paths?: Partial<Machine['paths']>;
}

/** A machine with pipes for everything, and a daemon that is the given client. */
export function fakeMachine(options: FakeOptions = {}): FakeMachine {
  const { terminals = [], columns = 80 } = options;
  const rawModes: boolean[] = [];
  const exits: number[] = [];
  const connects: ConnectRequest[] = [];
  const emitter = new EventEmitter();
  const output = (name: 'stdout' | 'stderr'): FakeOutput => {
    const stream = new FakeOutput();
    stream.on('error', () => {});
    return terminals.includes(name) ? Object.assign(stream, { isTTY: true, columns, rows: 24 }) : stream;
  };
  const stdin: Input & PassThrough = Object.assign(new PassThrough(), {
    isTTY: terminals.includes('stdin'),
    setRawMode: (on: boolean) => rawModes.push(on),
  });
  return {
    stdin,
    stdout: output('stdout'),
    stderr: output('stderr'),
    env: { TERM: 'xterm', ...options.env },
    uid: 1000,
    cwd: '/home/me',
    nodeVersion: 'v24.1.0',
    clock: new FakeClock(),
    signals: signalSource(emitter),
    paths: {
      config: '/none/config',
      configFile: '/none/config/config.toml',
      state: '/none/state',
      cache: '/none/cache',
      run: '/none/run',
      socket: '/none/run/bangerd.sock',
      log: '/none/state/bangerd.log',
      ...options.paths,
    },
    build: { version: '1.2.3', commit: 'abc', builtAt: '2026-01-01T00:00:00.000Z', build: 'b1' },
    connect: async (request) => {
      connects.push(request);
      return options.connect === undefined ? options.client : options.connect(request);
    },
    examine:
      options.examine ?? (() => Promise.reject(new Error('the test did not expect a look at the host'))),
    rawOutput: async () => {},
    exit: (status) => exits.push(status),
    rawModes,
    exits,
    connects,
    kill: (signal) => void emitter.emit(signal),
  };
}

/** What a command line came to. */
export interface Ran {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a command line, given as one string without quotes, or as words. */
export async function run(line: string | readonly string[], machine: FakeMachine): Promise<Ran> {
  const argv = typeof line === 'string' ? line.split(' ').filter((word) => word !== '') : line;
  const status = await runCli(argv, machine);
  return { status, out: machine.stdout.text, err: machine.stderr.text };
}

/** Lets everything that is ready to run do so. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

/** Waits for what follows from the event loop alone; the files of a command are loaded by it, too. */
export async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 5_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`it did not come to: ${String(condition)}`);
    await settle();
  }
}
