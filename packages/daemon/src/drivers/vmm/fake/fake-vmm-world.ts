import type { ProcessUsage } from '../../../host/process-identity.ts';
import type { VmmEnd, VmmEvent, VmmStatus, VmSpec } from '../driver.ts';

/** A fake VMM process: it lives in the world, not in the driver, as a real one outlives its daemon. */
export interface FakeVmmProcess {
  readonly pid: number;
  readonly startTicks: number;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  readonly spec: VmSpec;
  status: VmmStatus;
  usage: ProcessUsage;
  /** How it ended; undefined while it runs. */
  end: VmmEnd | undefined;
  /** Virtual sizes in bytes, by serial; those that were resized. */
  readonly sizes: Map<string, number>;
  readonly watchers: Set<FakeVmmWatcher>;
}

/** A driver that watches a process. */
export interface FakeVmmWatcher {
  event(event: VmmEvent): void;
  /** The guest is over or the process is gone. */
  changed(): void;
}

/** Pids begin above any that Linux gives (PID_MAX_LIMIT is 2^22), so that a real kill(2) hits nobody. */
const FIRST_PID = 6_000_000;

/** The host on which fake VMMs run. Two drivers over one world are two daemons, one after the other. */
export class FakeVmmWorld {
  readonly #processes = new Map<number, FakeVmmProcess>();
  #nextPid = FIRST_PID;
  #ticks = 1;
  #boots = 1;
  readonly #now: () => number;

  /** `now`: the time of day, in milliseconds since 1970. */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  get bootId(): string {
    return `fake-boot-${this.#boots}`;
  }

  /** `pid`: one that had another process before; the next one unless told. */
  start(spec: VmSpec, pid = this.#nextPid): FakeVmmProcess {
    this.#nextPid = Math.max(this.#nextPid, pid + 1);
    const process: FakeVmmProcess = {
      pid,
      startTicks: this.#ticks++,
      startedAt: this.#now(),
      spec,
      status: 'running',
      usage: { cpuMs: 0, residentBytes: 0 },
      end: undefined,
      sizes: new Map(),
      watchers: new Set(),
    };
    this.#processes.set(process.pid, process);
    return process;
  }

  /** Processes that run. */
  get running(): readonly FakeVmmProcess[] {
    return [...this.#processes.values()].filter((process) => process.end === undefined);
  }

  find(pid: number): FakeVmmProcess | undefined {
    return this.#processes.get(pid);
  }

  /** The guest powers off. Its VMM waits, as a real one does, until a daemon has seen it. */
  powerOff(pid: number): void {
    this.#guestEnds(pid, 'powered-off');
  }

  /** The guest's kernel panics. */
  panic(pid: number): void {
    this.#guestEnds(pid, 'panicked');
  }

  /** The guest reboots under the same process. */
  reboot(pid: number): void {
    this.tell(this.#alive(pid), { kind: 'guest-reboot' });
  }

  /** The agent ends in a guest that runs on. */
  loseAgent(pid: number): void {
    this.tell(this.#alive(pid), { kind: 'agent-gone' });
  }

  /** The host has no room for a write of the guest, which is stopped. */
  fillDisk(pid: number, serial: string): void {
    const process = this.#alive(pid);
    process.status = 'disk-full';
    this.tell(process, {
      kind: 'disk-error',
      serial,
      operation: 'write',
      full: true,
      reason: 'No space left on device',
    });
  }

  /** The process ends at this moment, by nobody's call. */
  die(pid: number, signal: NodeJS.Signals): void {
    this.exit(this.#alive(pid), { kind: 'vmm-died', detail: `ended by ${signal}` });
  }

  /** The host reboots, and every daemon with it: nothing runs, and pids and start times begin anew. */
  rebootHost(): void {
    this.#processes.clear();
    this.#nextPid = FIRST_PID;
    this.#ticks = 1;
    this.#boots += 1;
  }

  /** Ends a process; the first end counts. */
  exit(process: FakeVmmProcess, end: VmmEnd): void {
    if (process.end !== undefined) return;
    process.end = end;
    for (const watcher of process.watchers) watcher.changed();
  }

  tell(process: FakeVmmProcess, event: VmmEvent): void {
    for (const watcher of process.watchers) watcher.event(event);
  }

  #guestEnds(pid: number, status: 'powered-off' | 'panicked'): void {
    const process = this.#alive(pid);
    process.status = status;
    for (const watcher of process.watchers) watcher.changed();
  }

  #alive(pid: number): FakeVmmProcess {
    const process = this.find(pid);
    if (process === undefined || process.end !== undefined)
      throw new Error(`No fake VMM has the pid ${pid}.`);
    return process;
  }
}
