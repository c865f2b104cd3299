import { randomUUID } from 'node:crypto';
import { PassThrough, Writable } from 'node:stream';
import { BangerError } from '@banger/contract/error';
import type { Mortal } from '@banger/testkit/mortal';
import type { ExecEnd, GuestDriver, GuestExec, GuestSession } from '../../drivers/guest/driver.ts';
import type { VmmEvent } from '../../drivers/vmm/driver.ts';
import type { FakeVmmProcess, FakeVmmWatcher, FakeVmmWorld } from '../../drivers/vmm/fake/fake-vmm-world.ts';
import type { Clock } from '../../host/clock.ts';

/** What a guest is about to do; a test holds it there. */
export type GuestMoment =
  | 'hello'
  | 'configure'
  | 'tells the time'
  | 'command begins'
  | 'command ends'
  | 'ping'
  | 'sync'
  | 'shutdown'
  | 'boots again';

/** How often a channel that leads nowhere is tried. */
const TRY_MS = 500;
const NS_PER_MS = 1_000_000n;

/**
 * Guests of fake VMMs, without sockets and without a protocol: what a host sees of them, and nothing that depends on how fast
 * the machine is. What the protocol is worth is shown elsewhere.
 */
export class MemoryGuests {
  /** Awaited before each of these. */
  onMoment: (moment: GuestMoment) => Promise<void> | void = () => undefined;
  readonly #guests = new Map<string, MemoryGuest>();

  /** How a daemon reaches them, by its clock. */
  driver(daemon: Mortal, clock: Clock): GuestDriver {
    const { hello } = daemon.bind({ hello: async () => this.onMoment('hello') });
    return daemon.bind<GuestDriver>({
      connect: async ({ path }, { deadlineMs, signal }) => {
        const deadline = clock.monotonic() + deadlineMs;
        while (clock.monotonic() < deadline) {
          if (this.#guests.get(path)?.answers === true) await hello();
          if (signal?.aborted === true) throw new BangerError('cancelled', 'The connection was cancelled.');
          const guest = this.#guests.get(path);
          if (guest?.answers === true) return guest.connect(clock);
          await clock.sleep(TRY_MS, signal);
        }
        throw new BangerError('agent_not_ready', 'The agent did not answer.');
      },
    });
  }

  /** Sessions that a host has open. */
  get open(): number {
    return [...this.#guests.values()].filter((guest) => guest.session !== undefined).length;
  }

  /** A VMM's guest boots, and is reached by that path. */
  boot(world: FakeVmmWorld, pid: number, path: string): void {
    const process = world.find(pid);
    if (process === undefined) throw new Error(`No fake VMM has the pid ${pid}.`);
    const moment = async (what: GuestMoment): Promise<void> => this.onMoment(what);
    this.#guests.set(path, new MemoryGuest(process, () => world.powerOff(pid), moment));
  }
}

/** One guest: it lives as long as its VMM, and boots anew when told so. */
class MemoryGuest implements FakeVmmWatcher {
  session: MemorySession | undefined;
  readonly #process: FakeVmmProcess;
  readonly #powerOff: () => void;
  readonly #moment: (what: GuestMoment) => Promise<void>;
  #bootId = randomUUID();
  #configured = false;
  #boots = false;

  constructor(process: FakeVmmProcess, powerOff: () => void, moment: (what: GuestMoment) => Promise<void>) {
    this.#process = process;
    this.#powerOff = powerOff;
    this.#moment = moment;
    process.watchers.add(this);
  }

  get answers(): boolean {
    return this.#runs && !this.#boots;
  }

  /** A new session; the one before is over, as on a VMM's socket. */
  connect(clock: Clock): GuestSession {
    this.session?.lose();
    const session = new MemorySession({
      hello: {
        generation: 1,
        agentVersion: 'memory',
        bootId: this.#bootId,
        configured: this.#configured,
        init: 'agent',
      },
      now: () => clock.now(),
      moment: this.#moment,
      configured: () => (this.#configured = true),
      powerOff: () => this.#runs && this.#powerOff(),
      over: () => this.session === session && (this.session = undefined),
    });
    this.session = session;
    return session;
  }

  event(event: VmmEvent): void {
    if (event.kind !== 'guest-reboot') return;
    this.#bootId = randomUUID();
    this.#configured = false;
    this.#boots = true;
    this.session?.lose();
    void this.#moment('boots again').then(() => (this.#boots = false));
  }

  changed(): void {
    if (!this.#runs) this.session?.lose();
  }

  get #runs(): boolean {
    const { end, status } = this.#process;
    return end === undefined && status !== 'powered-off' && status !== 'panicked';
  }
}

/** What a session is to its guest. */
interface SessionEnds {
  readonly hello: GuestSession['hello'];
  /** Its clock is right: milliseconds since 1970. */
  readonly now: () => number;
  readonly moment: (what: GuestMoment) => Promise<void>;
  readonly configured: () => void;
  readonly powerOff: () => void;
  readonly over: () => void;
}

class MemorySession implements GuestSession {
  readonly hello: GuestSession['hello'];
  readonly closed: Promise<BangerError | undefined>;
  readonly #guest: SessionEnds;
  readonly #end = Promise.withResolvers<BangerError | undefined>();
  #isOver = false;

  constructor(guest: SessionEnds) {
    this.hello = guest.hello;
    this.closed = this.#end.promise;
    this.#guest = guest;
  }

  lose(): void {
    this.#over(new BangerError('agent_lost', 'The channel to the guest ended.'));
  }

  close(): void {
    this.#over(undefined);
  }

  async configure(): Promise<{ readonly warnings: readonly string[] }> {
    await this.#reach('configure');
    this.#guest.configured();
    return { warnings: [] };
  }

  async exec(_request: unknown, { signal }: { readonly signal?: AbortSignal } = {}): Promise<GuestExec> {
    await this.#reach('command begins');
    const givenUp = Promise.withResolvers<never>();
    const abort = (): void => givenUp.reject(new BangerError('cancelled', 'The command was given up.'));
    if (signal?.aborted === true) throw new BangerError('cancelled', 'The command was given up.');
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const exit = Promise.race([this.#command(), givenUp.promise]);
    givenUp.promise.catch(() => undefined);
    for (const stream of [stdout, stderr]) stream.end();
    const stdin = new Writable({ write: (_bytes, _encoding, done) => done() });
    const ignored = async (): Promise<void> => undefined;
    return { pid: 1, stdin, stdout, stderr, exit, signal: ignored, resize: ignored, abort };
  }

  async clock(): Promise<bigint> {
    await this.#reach('tells the time');
    return BigInt(Math.round(this.#guest.now())) * NS_PER_MS;
  }

  async ping(): Promise<number> {
    await this.#reach('ping');
    return 0;
  }

  async sync(): Promise<void> {
    await this.#reach('sync');
  }

  async shutdown(): Promise<void> {
    await this.#reach('shutdown');
    this.#guest.powerOff();
  }

  async *events(): ReturnType<GuestSession['events']> {
    yield { name: 'init-ready', detail: '' };
    await this.closed;
  }

  readonly dial = notOffered;
  readonly put = notOffered;
  readonly get = notOffered;
  readonly pack = notOffered;
  readonly unpack = notOffered;
  readonly ports = notOffered;
  readonly stats = notOffered;

  async #command(): Promise<ExecEnd> {
    await this.#reach('command ends');
    return { status: 0 };
  }

  /** The request has got to the guest and its answer back; the end of the channel is told at once. */
  async #reach(moment: GuestMoment): Promise<void> {
    const lost = this.closed.then((why): never => {
      throw why ?? new BangerError('agent_lost', 'The channel to the guest was closed.');
    });
    if (this.#isOver) await lost;
    await Promise.race([this.#guest.moment(moment), lost]);
  }

  #over(why: BangerError | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#guest.over();
    this.#end.resolve(why);
  }
}

async function notOffered(): Promise<never> {
  throw new BangerError('not_supported', 'A guest in memory does not do that.');
}
