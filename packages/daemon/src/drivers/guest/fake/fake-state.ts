import { randomUUID } from 'node:crypto';
import type { Duplex, Readable, Writable } from 'node:stream';
import type {
  DialTarget,
  ExecEnd,
  GuestEvent,
  GuestHello,
  GuestPort,
  GuestStats,
  GuestTty,
} from '../driver.ts';
import { FakeNodes } from './fake-nodes.ts';

/** What a command of the fake guest gets. */
export interface FakeCommandContext {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | undefined;
  readonly user: string | undefined;
  readonly login: boolean;
  /** The terminal with its present size; undefined when there is none. */
  tty: GuestTty | undefined;
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** Fires when the command is hung up; its reason is unused. */
  readonly hangUp: AbortSignal;
  /** Takes signals instead of dying of them. */
  onSignal(handler: (signal: number) => void): void;
}

/** A command: its end, or a promise of it. */
export type FakeCommand = (context: FakeCommandContext) => ExecEnd | Promise<ExecEnd>;

/** What a fake guest has. */
export interface FakeGuestOptions {
  readonly hello?: Partial<GuestHello>;
  /** By argv[0]; `not-executable` is a file without the executable bit. Anything else does not exist. */
  readonly commands?: Readonly<Record<string, FakeCommand | 'not-executable'>>;
  /** Users besides root. */
  readonly users?: readonly string[];
  /** Connects, or gives the errno of Linux that the guest answers. */
  readonly dial?: (target: DialTarget) => Duplex | number;
  /** Warnings that `configure` is answered with. */
  readonly warnings?: readonly string[];
  readonly ports?: () => readonly GuestPort[];
  readonly stats?: GuestStats;
  /** Awaited before a configuration is taken: lets a test hold it there. */
  readonly onConfigure?: () => Promise<void>;
  /** Its clock when that is right, milliseconds since 1970. */
  readonly now?: () => number;
  /** Awaited before the clock is told: lets a test keep the agent silent. */
  readonly onClock?: () => Promise<void>;
  /** Awaited before a sync is answered: lets a test have it take its time. */
  readonly onSync?: () => Promise<void>;
  /** Called after a shutdown request was answered; nothing ends by itself. */
  readonly onShutdown?: () => void;
  /** What has happened in each boot before the host asks; `init-ready` unless told. */
  readonly events?: readonly GuestEvent[];
}

/** Figures of a guest that has nothing to do. */
const IDLE_STATS: GuestStats = {
  uptimeSeconds: 1,
  cpu: { totalTicks: 100, idleTicks: 90 },
  memory: { total: 1_073_741_824, available: 536_870_912 },
  fileSystems: [{ mountPoint: '/', size: 8_589_934_592, free: 4_294_967_296 }],
  load: 0.25,
  network: { received: 0, sent: 0 },
  processes: 10,
};

/** What lasts from one session of a fake guest to the next. */
export class FakeGuestState {
  readonly options: FakeGuestOptions;
  readonly nodes = new FakeNodes(['/', '/etc', '/root', '/tmp']);
  /** Payloads of the `configure` requests that were answered with `ok`. */
  readonly configurations: Uint8Array[] = [];
  /** `sync` and `shutdown` requests, in order. */
  readonly requests: string[] = [];
  readonly stats: GuestStats;
  /** Running commands by session id. */
  readonly sessions = new Map<
    number,
    { signal(number: number): void; resize(rows: number, columns: number): void }
  >();
  hello: GuestHello;
  /** By how much its clock is wrong, in milliseconds; `configure` sets it right. */
  clockOffset = 0;
  #nextSession = 1;

  constructor(options: FakeGuestOptions) {
    this.options = options;
    this.stats = options.stats ?? IDLE_STATS;
    this.hello = {
      generation: 1,
      agentVersion: 'fake',
      bootId: randomUUID(),
      configured: true,
      init: 'agent',
      ...options.hello,
    };
  }

  /** A session id that no command had. */
  nextSession(): number {
    return this.#nextSession++;
  }

  /** Its clock, milliseconds since 1970. */
  now(): number {
    return this.#rightNow() + this.clockOffset;
  }

  setClock(now: number): void {
    this.clockOffset = now - this.#rightNow();
  }

  #rightNow(): number {
    return this.options.now?.() ?? Date.now();
  }

  configured(payload: Uint8Array): void {
    this.configurations.push(payload);
    this.hello = { ...this.hello, configured: true };
  }

  reboot(bootId: string): void {
    this.sessions.clear();
    this.hello = { ...this.hello, bootId, configured: false };
  }
}
