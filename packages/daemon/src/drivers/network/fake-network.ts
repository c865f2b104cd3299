import { access, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { BangerError } from '@banger/contract/error';
import type { ProcessIdentity } from '../../host/process-identity.ts';
import type {
  FoundNetwork,
  NetworkAttachment,
  NetworkDriver,
  NetworkHandle,
  NetworkProbe,
  NetworkSpec,
  NetworkStatus,
  VmmNetwork,
} from './driver.ts';

/** Pids above any that Linux gives (PID_MAX_LIMIT is 2^22), so that a handle never names a real process. */
const FIRST_FAKE_PID = 6_000_000;

/** A fake VMM listens as soon as it runs. */
const LISTENING_POLL_MS = 1;

/** A NIC's address as the real driver takes it: six hexadecimal pairs, not a group address. */
const UNICAST_MAC = /^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/;

/** A network in memory, as strict as the real one: nothing is there, but whoever uses it wrongly is told. */
export class FakeNetwork implements NetworkDriver {
  readonly kind = 'fake';
  readonly features = { outbound: true, privileged: false };
  readonly #running = new Map<
    number,
    FoundNetwork & { readonly outbound: boolean; readonly guard: ProcessIdentity }
  >();
  readonly #warnings: readonly string[];
  readonly #now: () => number;
  readonly #listens: (socket: string) => Promise<boolean>;
  #nextPid = FIRST_FAKE_PID;
  #ticks = 1;
  #boots = 1;
  #nextFailure: BangerError | undefined;
  #nextReady: BangerError | undefined;

  /** `warnings`: what every attachment warns of; `now`: the time of day; `listens`: whether a VMM does, where VMMs have no sockets. */
  constructor(
    warnings: readonly string[] = [],
    now: () => number = Date.now,
    listens: (socket: string) => Promise<boolean> = isSocket,
  ) {
    this.#warnings = warnings;
    this.#now = now;
    this.#listens = listens;
  }

  /** Directories whose network runs: empty when everything was removed. */
  get running(): readonly string[] {
    return [...this.#running.values()].map(({ dir }) => dir);
  }

  /** Directories whose network has a way out. */
  get open(): readonly string[] {
    return [...this.#running.values()].flatMap(({ dir, outbound }) => (outbound ? [dir] : []));
  }

  /** Lets the next `prepare` or `setOutbound` fail. */
  failNext(error: BangerError): void {
    this.#nextFailure = error;
  }

  /** Lets the next network be made, and then not get ready. */
  failNextReady(error: BangerError): void {
    this.#nextReady = error;
  }

  /** Lets a network end by itself, as when its process is killed. */
  end(handle: NetworkHandle): void {
    if (handle.kind === 'user' && this.#runs(handle.guard)) this.#running.delete(handle.guard.pid);
  }

  /** The host reboots: nothing runs, and pids and start times begin anew. */
  rebootHost(): void {
    this.#running.clear();
    this.#nextPid = FIRST_FAKE_PID;
    this.#ticks = 1;
    this.#boots += 1;
  }

  probe(): Promise<NetworkProbe> {
    return Promise.resolve({ usable: true, missingTools: [], ipv4: true, ipv6: false, problems: [] });
  }

  nic({ dir, mac }: Pick<NetworkSpec, 'dir' | 'mac'>): VmmNetwork {
    return { kind: 'stream', socket: join(dir, 'network.sock'), mac };
  }

  async prepare({ dir, mac, outbound, signal }: NetworkSpec): Promise<NetworkAttachment> {
    await access(dir).catch((cause: unknown) => {
      throw new BangerError('network_failed', `There is no directory ${dir}.`, { cause });
    });
    if (!UNICAST_MAC.test(mac)) throw new BangerError('network_failed', `Not the address of a NIC: ${mac}.`);
    if (signal?.aborted === true) throw new BangerError('cancelled', 'Setting up the network was cancelled.');
    this.#mayFail();
    if (this.running.includes(dir)) throw new Error(`${dir} has a network already: it was not removed.`);
    const pid = this.#nextPid++;
    const guard = { pid, startTicks: this.#ticks++, bootId: `fake-boot-${this.#boots}` };
    this.#running.set(pid, { dir, outbound, guard, startedAt: this.#now() });
    const socket = join(dir, 'network.sock');
    return {
      handle: { kind: 'user', guard, socket, control: `${socket}.control` },
      guest: {
        mac,
        ipv4: { address: '10.0.2.15', prefixLength: 24, gateway: '10.0.2.2' },
        dns: ['10.0.2.3'],
        mtu: 1500,
      },
      warnings: this.#warnings,
      ready: (either) => this.#ready(guard, socket, either),
    };
  }

  status(handle: NetworkHandle): Promise<NetworkStatus> {
    const up = handle.kind !== 'user' || this.#runs(handle.guard);
    return Promise.resolve(up ? { up } : { up, reason: 'The fake network has ended.' });
  }

  async setOutbound(handle: NetworkHandle, outbound: boolean): Promise<void> {
    this.#mayFail();
    if (handle.kind !== 'user') return;
    const running = this.#running.get(handle.guard.pid);
    if (running === undefined || !this.#runs(handle.guard))
      throw new BangerError('network_failed', 'The fake network has ended.');
    this.#running.set(handle.guard.pid, { ...running, outbound });
  }

  remove(handle: NetworkHandle): Promise<void> {
    this.end(handle);
    return Promise.resolve();
  }

  sweep(dir: string): Promise<void> {
    for (const [pid, running] of this.#running) if (running.dir === dir) this.#running.delete(pid);
    return Promise.resolve();
  }

  find(directory: string): Promise<readonly FoundNetwork[]> {
    return Promise.resolve(
      [...this.#running.values()]
        .filter(({ dir }) => dirname(dir) === directory)
        .map(({ dir, startedAt }) => ({ dir, startedAt })),
    );
  }

  async #ready(guard: ProcessIdentity, socket: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      const listening = await this.#listens(socket);
      if (signal.aborted) throw new BangerError('cancelled', 'Setting up the network was cancelled.');
      const failure = this.#nextReady;
      this.#nextReady = undefined;
      if (failure !== undefined) this.#running.delete(guard.pid);
      if (failure !== undefined || !this.#runs(guard))
        throw failure ?? new BangerError('network_failed', 'The fake network has ended.');
      if (listening) return;
      await sleep(LISTENING_POLL_MS);
    }
  }

  #mayFail(): void {
    const failure = this.#nextFailure;
    this.#nextFailure = undefined;
    if (failure !== undefined) throw failure;
  }

  #runs({ pid, startTicks, bootId }: ProcessIdentity): boolean {
    const guard = this.#running.get(pid)?.guard;
    return guard?.startTicks === startTicks && guard.bootId === bootId;
  }
}

async function isSocket(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isSocket() === true;
}
