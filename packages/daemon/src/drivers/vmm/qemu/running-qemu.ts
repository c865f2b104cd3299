import { once } from 'node:events';
import { BangerError, isBangerError, toBangerError } from '@banger/contract/error';
import type { Clock } from '../../../host/clock.ts';
import type { ProcessTable, ProcessUsage } from '../../../host/process-identity.ts';
import type { SpawnedProcess } from '../../../host/runner.ts';
import type { RunningVmm, VmmEnd, VmmEvent, VmmStatus } from '../driver.ts';
import { growDisk } from './disk-resize.ts';
import { DYING_MS, endProcess, killProcess, waitForExit } from './end-process.ts';
import type { QemuHandle } from './handle.ts';
import { logTail } from './log-tail.ts';
import { QmpConnection } from './qmp-connection.ts';
import type { QmpEvent } from './qmp-messages.ts';
import { endOf, meaningOf, statusOf } from './qmp-status.ts';

/**
 * How often a process that is not our child is looked at. Its control socket closes when it ends and is heard at once;
 * this is for a VMM whose socket could not be kept open.
 */
const WATCH_MS = 1_000;
/** Between two tries to open the control socket of a VMM that lives but closed it. */
const RECONNECT_MS = 1_000;
/** From `quit` to the end of the process: disks are closed, so the host's disk decides. */
const QUIT_DEADLINE_MS = 5_000;

/** What a running QEMU needs of the host. */
export interface RunningQemuDeps {
  readonly processes: Pick<ProcessTable, 'isAlive' | 'signal' | 'usage'>;
  readonly clock: Clock;
}

/** A QEMU process and the connection to its control socket. */
export class RunningQemu implements RunningVmm {
  readonly handle: QemuHandle;
  readonly ended: Promise<VmmEnd>;
  readonly #deps: RunningQemuDeps;
  readonly #exited: SpawnedProcess['exited'] | undefined;
  readonly #listeners = new Set<(event: VmmEvent) => void>();
  readonly #released = new AbortController();
  readonly #settle: (end: VmmEnd) => void;
  #qmp: QmpConnection | undefined;
  #connecting: Promise<QmpConnection> | undefined;
  /** How it will have ended, known before its process is gone. */
  #fate: VmmEnd | undefined;
  #settled = false;

  private constructor(
    handle: QemuHandle,
    deps: RunningQemuDeps,
    exited: SpawnedProcess['exited'] | undefined,
  ) {
    this.handle = handle;
    this.#deps = deps;
    this.#exited = exited;
    const { promise, resolve } = Promise.withResolvers<VmmEnd>();
    this.ended = promise;
    this.#settle = resolve;
  }

  /**
   * Watches a process over an open connection; what the guest did before this is learnt at once. `exited` is there
   * when the process is our child.
   */
  static async attend(
    handle: QemuHandle,
    qmp: QmpConnection,
    deps: RunningQemuDeps,
    exited?: SpawnedProcess['exited'],
  ): Promise<RunningQemu> {
    const running = new RunningQemu(handle, deps, exited);
    running.#adopt(qmp);
    await running.#learn();
    void running.#watch();
    return running;
  }

  async status(): Promise<VmmStatus> {
    return statusOf(await this.#execute('query-status'));
  }

  async usage(): Promise<ProcessUsage> {
    const usage = this.#deps.processes.usage(this.handle.process);
    if (usage === undefined) throw this.#gone();
    return usage;
  }

  async pause(): Promise<void> {
    await this.#execute('stop');
  }

  async resume(): Promise<void> {
    await this.#execute('cont');
  }

  snapshot(): Promise<void> {
    return Promise.reject(new BangerError('not_supported', 'Snapshots of QEMU VMs are not supported.'));
  }

  async resizeDisk(serial: string, bytes: number): Promise<void> {
    await growDisk((command, args) => this.#execute(command, args), serial, bytes);
  }

  onEvent(listener: (event: VmmEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    return this.#endBy(signal, () => killProcess(this.#deps, this.handle.process, signal));
  }

  /** Ends the process as gently as it lets itself be ended. */
  end(): Promise<void> {
    return this.#endBy('SIGTERM', () => endProcess(this.#deps, this.handle.process));
  }

  release(): void {
    this.#released.abort();
    this.#qmp?.close();
  }

  /** Resolves when this object watches no longer: the process has ended, or was let go of. */
  get over(): Promise<void> {
    const { signal } = this.#released;
    return signal.aborted ? Promise.resolve() : once(signal, 'abort').then(() => undefined);
  }

  async #endBy(word: string, end: () => Promise<void>): Promise<void> {
    const fate: VmmEnd = { kind: 'killed', detail: word };
    this.#fate ??= fate;
    try {
      await end();
    } catch (error) {
      if (this.#fate === fate) this.#fate = undefined;
      throw error;
    }
    await this.#finish();
  }

  async #execute(command: string, args?: Readonly<Record<string, unknown>>): Promise<unknown> {
    if (!this.#isAlive()) throw this.#gone();
    try {
      const qmp = this.#qmp ?? (await this.#connect());
      return await qmp.execute(command, args);
    } catch (error) {
      if (!isAnswer(error) && (await waitForExit(this.#deps, this.handle.process, DYING_MS)))
        throw this.#gone(error);
      throw error;
    }
  }

  #adopt(qmp: QmpConnection): void {
    this.#qmp = qmp;
    qmp.onEvent((event) => this.#hear(event));
    void qmp.closed.then(() => {
      if (this.#qmp === qmp) this.#qmp = undefined;
      return this.#reconnect();
    });
  }

  /** One try at a time: QEMU would leave a second connection waiting. */
  #connect(): Promise<QmpConnection> {
    this.#connecting ??= QmpConnection.open(
      this.handle.controlSocket,
      this.#deps.clock,
      this.#released.signal,
    )
      .then((qmp) => {
        this.#adopt(qmp);
        return qmp;
      })
      .finally(() => {
        this.#connecting = undefined;
      });
    return this.#connecting;
  }

  /** A closed control socket is mostly the end of the process; else it is opened again, and what was missed is asked. */
  async #reconnect(): Promise<void> {
    if (await waitForExit(this.#deps, this.handle.process, DYING_MS)) return this.#finish();
    while (!this.#stopped() && this.#qmp === undefined && this.#isAlive()) {
      try {
        await this.#connect();
        await this.#learn();
      } catch {
        // It lives and does not answer; `status` tells whoever asks, and the next try may succeed.
        await this.#deps.clock.sleep(RECONNECT_MS, this.#released.signal).catch(() => undefined);
      }
    }
  }

  #hear(event: QmpEvent): void {
    const meaning = meaningOf(event);
    if (meaning === undefined) return;
    if (meaning === 'ask') void this.#learn(true).catch(() => undefined);
    else if ('end' in meaning) void this.#quit(meaning.end);
    else this.#tell(meaning.tell);
  }

  #tell(event: VmmEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** Asks how the guest is; one that has ended takes its VMM with it. */
  async #learn(stopped = false): Promise<void> {
    const status = await this.status();
    const end = endOf(status);
    if (end !== undefined) void this.#quit(end);
    else if (stopped && status === 'paused') this.#tell({ kind: 'paused' });
  }

  /** The guest is over: QEMU, which holds it, is told to close its disks and end. */
  async #quit(end: VmmEnd): Promise<void> {
    if (this.#fate !== undefined) return;
    this.#fate = end;
    await this.#qmp?.execute('quit').catch(() => undefined);
    try {
      if (!(await waitForExit(this.#deps, this.handle.process, QUIT_DEADLINE_MS)))
        await killProcess(this.#deps, this.handle.process, 'SIGKILL');
    } catch (error) {
      // It cannot even be killed: the guest's end is told all the same, and whoever removes the process says so.
      this.#finishAs({ ...end, detail: toBangerError(error).message });
    }
    await this.#finish();
  }

  async #watch(): Promise<void> {
    while (!this.#stopped()) {
      if (!this.#isAlive()) return this.#finish();
      await this.#deps.clock.sleep(WATCH_MS, this.#released.signal).catch(() => undefined);
    }
  }

  async #finish(): Promise<void> {
    if (this.#stopped() || this.#isAlive()) return;
    const { vmmLog, vmmLogStart } = this.handle;
    const fate = this.#fate;
    if (fate !== undefined && fate.kind !== 'vmm-died') return this.#finishAs(fate);
    const words = (await logTail(vmmLog, vmmLogStart)).join('\n');
    const detail = [fate?.detail ?? (await this.#howItExited()), words]
      .filter((part) => part !== '')
      .join(': ');
    this.#finishAs({ kind: 'vmm-died', detail });
  }

  async #howItExited(): Promise<string> {
    const exit = await this.#exited;
    if (exit === undefined) return '';
    return exit.signal === null ? `exit code ${exit.exitCode}` : `ended by ${exit.signal}`;
  }

  #finishAs(end: VmmEnd): void {
    if (this.#stopped()) return;
    this.#settled = true;
    this.#settle(end);
    this.release();
  }

  #stopped(): boolean {
    return this.#settled || this.#released.signal.aborted;
  }

  #isAlive(): boolean {
    return this.#deps.processes.isAlive(this.handle.process);
  }

  #gone(cause?: unknown): BangerError {
    return new BangerError('vmm_gone', `QEMU, process ${this.handle.process.pid}, has ended.`, { cause });
  }
}

/** QEMU lives: it refused the command in its own words, or has not answered yet. */
function isAnswer(error: unknown): boolean {
  return isBangerError(error) && (error.details['class'] !== undefined || error.details['late'] === true);
}
