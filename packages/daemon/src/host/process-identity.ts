import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BangerError } from '@banger/contract/error';

/**
 * Names one process of one boot of this host, so that a process which later gets the same pid is not mistaken for it.
 * JSON values only: it is stored.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** Start time in clock ticks since boot: field 22 of /proc/PID/stat, proc_pid_stat(5). */
  readonly startTicks: number;
  /** /proc/sys/kernel/random/boot_id: start times begin anew with each boot. */
  readonly bootId: string;
}

/** Fields of /proc/PID/stat counted from the state, which is field 3 and the first after the command name. */
const STATE = 0;
const START_TICKS = 22 - 3;

/** Fields 14, 15 and 24: time in user and kernel mode in clock ticks, and resident pages. */
const USER_TICKS = 14 - 3;
const KERNEL_TICKS = 15 - 3;
const RESIDENT_PAGES = 24 - 3;
/** A clock tick as told to programs: USER_HZ is 100 on every architecture that we run on (time(7)). */
const MS_PER_TICK = 10;
/** A page of x86-64. */
const PAGE_BYTES = 4096;

/** What a process takes of the host. */
export interface ProcessUsage {
  /** Milliseconds of CPU time since its start, of all its threads. */
  readonly cpuMs: number;
  readonly residentBytes: number;
}

/** What the kernel says of a process; `ended` is true for a zombie, which only waits for its parent. */
export interface ProcessStat {
  readonly startTicks: number;
  readonly ended: boolean;
}

/**
 * Parses /proc/PID/stat; undefined when it has not that form. The command name, field 2, is chosen by the process and
 * may hold spaces and brackets, so fields are counted from the last `)`.
 */
export function parseProcessStat(stat: string): ProcessStat | undefined {
  const fields = fieldsOf(stat);
  const state = fields[STATE];
  const startTicks = integer(fields[START_TICKS]);
  if (state === undefined || startTicks === undefined) return undefined;
  return { startTicks, ended: state === 'Z' || state === 'X' || state === 'x' };
}

/** What /proc/PID/stat says of CPU and memory; undefined when it has not that form. */
export function parseProcessUsage(stat: string): ProcessUsage | undefined {
  const fields = fieldsOf(stat);
  const [user, kernel, pages] = [USER_TICKS, KERNEL_TICKS, RESIDENT_PAGES].map((at) => integer(fields[at]));
  if (user === undefined || kernel === undefined || pages === undefined) return undefined;
  return { cpuMs: (user + kernel) * MS_PER_TICK, residentBytes: pages * PAGE_BYTES };
}

function fieldsOf(stat: string): string[] {
  const end = stat.lastIndexOf(')');
  return end < 0
    ? []
    : stat
        .slice(end + 1)
        .trim()
        .split(/\s+/);
}

function integer(field: string | undefined): number | undefined {
  return field !== undefined && /^\d+$/.test(field) ? Number(field) : undefined;
}

/** The processes of this host. `proc` is where proc(5) is mounted, another directory in tests. */
export class ProcessTable {
  readonly #proc: string;
  readonly #send: (pid: number, signal: NodeJS.Signals) => void;

  constructor(
    proc = '/proc',
    send: (pid: number, signal: NodeJS.Signals) => void = (pid, signal) => void process.kill(pid, signal),
  ) {
    this.#proc = proc;
    this.#send = send;
  }

  /** Id of this boot of the host. */
  bootId(): string {
    return readFileSync(join(this.#proc, 'sys/kernel/random/boot_id'), 'utf8').trim();
  }

  /** The identity of the process that has this pid now; undefined when none runs. */
  identify(pid: number): ProcessIdentity | undefined {
    const stat = this.#stat(pid);
    return stat === undefined || stat.ended
      ? undefined
      : { pid, startTicks: stat.startTicks, bootId: this.bootId() };
  }

  /** True while that very process runs; false for a zombie and for another process with its pid. */
  isAlive(identity: ProcessIdentity): boolean {
    const stat = this.#stat(identity.pid);
    return (
      stat !== undefined &&
      !stat.ended &&
      stat.startTicks === identity.startTicks &&
      this.bootId() === identity.bootId
    );
  }

  /** Milliseconds for which that process has run, the host's sleep included: from its start time and /proc/uptime, proc_uptime(5). */
  ageMs({ startTicks }: Pick<ProcessIdentity, 'startTicks'>): number {
    const [uptime] = readFileSync(join(this.#proc, 'uptime'), 'utf8').split(' ');
    return Number(uptime) * 1_000 - startTicks * MS_PER_TICK;
  }

  /**
   * Signals that very process; false when it is gone. Nothing is awaited between look and kill(2): to hit a stranger,
   * the process would have to end, be reaped and its pid come round again within those microseconds.
   */
  signal(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
    if (!this.isAlive(identity)) return false;
    try {
      this.#send(identity.pid, signal);
      return true;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'ESRCH') return false;
      throw new BangerError('command_failed', `Process ${identity.pid} could not be sent ${signal}.`, {
        cause,
        details: { pid: identity.pid, signal },
      });
    }
  }

  /** What that very process takes; undefined when it is gone. */
  usage(identity: ProcessIdentity): ProcessUsage | undefined {
    const text = this.isAlive(identity) ? this.#read(identity.pid) : undefined;
    return text === undefined ? undefined : parseProcessUsage(text);
  }

  #stat(pid: number): ProcessStat | undefined {
    const text = this.#read(pid);
    return text === undefined ? undefined : parseProcessStat(text);
  }

  #read(pid: number): string | undefined {
    if (!Number.isSafeInteger(pid) || pid <= 0) return undefined;
    try {
      return readFileSync(join(this.#proc, String(pid), 'stat'), 'utf8');
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ESRCH') return undefined;
      // Any other answer says nothing about the process: to call it dead would make a running VM an orphan.
      throw new BangerError('internal', `The state of process ${pid} cannot be read.`, {
        cause,
        details: { pid },
      });
    }
  }
}
