import { stat, truncate } from 'node:fs/promises';
import { BangerError } from '@banger/contract/error';
import type { ProcessUsage } from '../../../host/process-identity.ts';
import type { RunningVmm, VmmEnd, VmmEvent, VmmHandle, VmmStatus } from '../driver.ts';
import type { FakeVmmProcess, FakeVmmWatcher, FakeVmmWorld } from './fake-vmm-world.ts';

/** Signals that do not end a program which installs no handler for them: signal(7). */
const HARMLESS: ReadonlySet<NodeJS.Signals> = new Set([
  'SIGCHLD',
  'SIGCONT',
  'SIGSTOP',
  'SIGTSTP',
  'SIGTTIN',
  'SIGTTOU',
  'SIGURG',
  'SIGWINCH',
]);

/** A watched fake VMM process. */
export class FakeRunningVmm implements RunningVmm, FakeVmmWatcher {
  readonly handle: VmmHandle;
  readonly ended: Promise<VmmEnd>;
  readonly #world: FakeVmmWorld;
  readonly #process: FakeVmmProcess;
  readonly #settle: (end: VmmEnd) => void;
  readonly #listeners = new Set<(event: VmmEvent) => void>();

  constructor(handle: VmmHandle, world: FakeVmmWorld, process: FakeVmmProcess) {
    this.handle = handle;
    this.#world = world;
    this.#process = process;
    const { promise, resolve } = Promise.withResolvers<VmmEnd>();
    this.ended = promise;
    this.#settle = resolve;
    process.watchers.add(this);
    this.changed();
  }

  async status(): Promise<VmmStatus> {
    this.#checkAlive();
    return this.#process.status;
  }

  async usage(): Promise<ProcessUsage> {
    this.#checkAlive();
    return this.#process.usage;
  }

  async pause(): Promise<void> {
    this.#checkAlive();
    if (this.#process.status !== 'running') return;
    this.#process.status = 'paused';
    this.#world.tell(this.#process, { kind: 'paused' });
  }

  async resume(): Promise<void> {
    this.#checkAlive();
    if (this.#process.status !== 'paused' && this.#process.status !== 'disk-full') return;
    this.#process.status = 'running';
    this.#world.tell(this.#process, { kind: 'resumed' });
  }

  async snapshot(): Promise<void> {
    throw new BangerError('not_supported', 'Snapshots of fake VMs are not supported.');
  }

  async resizeDisk(serial: string, bytes: number): Promise<void> {
    this.#checkAlive();
    const disk = this.#process.spec.disks.find((other) => other.serial === serial);
    if (disk === undefined) throw new BangerError('invalid_argument', `The VM has no disk "${serial}".`);
    const size =
      this.#process.sizes.get(serial) ?? (disk.format === 'raw' ? (await stat(disk.path)).size : 0);
    if (bytes < size)
      throw new BangerError(
        'invalid_argument',
        `The disk "${serial}" has ${size} bytes and cannot shrink to ${bytes}.`,
      );
    if (disk.format === 'raw') await truncate(disk.path, bytes);
    this.#process.sizes.set(serial, bytes);
  }

  onEvent(listener: (event: VmmEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (HARMLESS.has(signal) && this.#process.end === undefined)
      throw new BangerError(
        'vmm_failed',
        `The fake VMM, process ${this.#process.pid}, still runs after ${signal}.`,
      );
    this.#world.exit(this.#process, { kind: 'killed', detail: signal });
  }

  release(): void {
    this.#process.watchers.delete(this);
  }

  event(event: VmmEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  /** A guest that is over takes its VMM with it as soon as somebody watches. */
  changed(): void {
    const { status, end } = this.#process;
    if (end !== undefined) {
      this.#settle(end);
      this.release();
    } else if (status === 'powered-off' || status === 'panicked') {
      const kind = status === 'panicked' ? 'guest-panic' : 'guest-poweroff';
      this.#world.exit(this.#process, { kind, detail: '' });
    }
  }

  #checkAlive(): void {
    if (this.#process.end !== undefined)
      throw new BangerError('vmm_gone', `The fake VMM, process ${this.#process.pid}, has ended.`);
  }
}
