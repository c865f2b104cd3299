import { buildInfo } from '@banger/contract/build-info';
import type { DaemonStatus } from '@banger/contract/daemon';
import { BangerError } from '@banger/contract/error';
import type { Layout } from '../domain/layout.ts';
import { liveStates } from '../domain/vm-state.ts';
import type { VmRepository } from '../store/vm-repository.ts';
import { isLook } from './operation-methods.ts';
import type { Operation } from './operation.ts';

/** What the daemon is, and what it is doing now. */
export class DaemonInfo {
  readonly #layout: Layout;
  readonly #vms: Pick<VmRepository, 'list'>;
  readonly #startedAt: number;
  readonly #operations = new Set<Operation>();
  readonly #streams = new Set<object>();
  readonly #stop = new AbortController();
  #onIdle: () => void = () => undefined;

  constructor(layout: Layout, vms: Pick<VmRepository, 'list'>, startedAt: number) {
    this.#layout = layout;
    this.#vms = vms;
    this.#startedAt = startedAt;
  }

  /** Fires when somebody asked the daemon to end. */
  get stopRequested(): AbortSignal {
    return this.#stop.signal;
  }

  /**
   * Begins the daemon's end; returns what it is busy with. With `ifIdle` a busy one throws `daemon_build_mismatch`, naming its work,
   * and goes on.
   */
  requestStop({ ifIdle }: { readonly ifIdle: boolean }): string[] {
    const busy = this.busy();
    if (ifIdle && busy.length > 0)
      throw new BangerError(
        'daemon_build_mismatch',
        `The daemon (pid ${process.pid}) is busy with ${busy.join(', ')}.`,
        { details: { pid: process.pid, busy } },
      );
    this.#stop.abort();
    return busy;
  }

  /** Counts a call as work of the daemon until it has ended. */
  async during<T>(operation: Operation, work: () => Promise<T>): Promise<T> {
    this.#operations.add(operation);
    try {
      return await work();
    } finally {
      this.#operations.delete(operation);
      if (this.#operations.size === 0) this.#onIdle();
    }
  }

  /** Counts a byte stream as work of the daemon until the returned function is called. */
  streaming(): () => void {
    const stream = {};
    this.#streams.add(stream);
    return () => void this.#streams.delete(stream);
  }

  /** What would be cut off if the daemon ended now, but for calls that only look. */
  busy(): string[] {
    const calls = [...this.#operations]
      .filter(({ method }) => !isLook(method))
      .map(({ method, on }) => (on === undefined ? method : `${method} ${on.name}`));
    const streams = this.#streams.size;
    return [...calls, ...(streams === 0 ? [] : [`${streams} open ${streams === 1 ? 'stream' : 'streams'}`])];
  }

  /** Resolves when no call is at work any more. */
  async settled(): Promise<void> {
    while (this.#operations.size > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onIdle = resolve;
      await promise;
    }
  }

  async status(): Promise<DaemonStatus> {
    const rows = this.#vms.list();
    const { socket, log, state } = this.#layout.paths;
    return {
      pid: process.pid,
      build: buildInfo(),
      startedAt: new Date(this.#startedAt).toISOString(),
      socket,
      log,
      state,
      busy: this.busy(),
      vms: { total: rows.length, running: rows.filter((row) => liveStates.has(row.state)).length },
    };
  }
}
