import { toBangerError } from '@banger/contract/error';
import type { Logger } from 'pino';
import type { VmRow } from '../../domain/vm-row.ts';
import type { Clock } from '../../host/clock.ts';
import type { VmRepository } from '../../store/vm-repository.ts';

/**
 * When each VM was last used, and by how many it is used now. To use a VM is to do something with it: to start or change it, run a command in it,
 * copy, follow its console; not to look at it. Uses are kept here and written to the rows from time to time, because a write to the disk
 * would cost each command milliseconds.
 */
export class VmUses {
  readonly #vms: Pick<VmRepository, 'setLastUses'>;
  readonly #clock: Pick<Clock, 'now'>;
  readonly #log: Logger;
  readonly #open = new Map<string, number>();
  readonly #unwritten = new Map<string, number>();

  constructor(vms: Pick<VmRepository, 'setLastUses'>, clock: Pick<Clock, 'now'>, log: Logger) {
    this.#vms = vms;
    this.#clock = clock;
    this.#log = log;
  }

  /** A use of a moment. */
  touch(vm: string): void {
    this.#unwritten.set(vm, this.#clock.now());
  }

  /** A use that lasts until the returned function is called, the first time. */
  begin(vm: string): () => void {
    this.touch(vm);
    this.#open.set(vm, this.#count(vm) + 1);
    let open = true;
    return () => {
      if (!open) return;
      open = false;
      this.touch(vm);
      if (this.#count(vm) === 1) this.#open.delete(vm);
      else this.#open.set(vm, this.#count(vm) - 1);
    };
  }

  /** Work that is a use for as long as it lasts. */
  async during<T>(vm: string, work: () => Promise<T>): Promise<T> {
    const ended = this.begin(vm);
    try {
      return await work();
    } finally {
      ended();
    }
  }

  /** A use that begins with the opening of something, and lasts until that has ended: then `watch` has `ended` called. */
  async open<T>(
    vm: string,
    open: () => Promise<T>,
    watch: (opened: T, ended: () => void) => void,
  ): Promise<T> {
    const ended = this.begin(vm);
    try {
      const opened = await open();
      watch(opened, ended);
      return opened;
    } catch (error) {
      ended();
      throw error;
    }
  }

  isUsed(vm: string): boolean {
    return this.#open.has(vm);
  }

  /** Milliseconds since 1970; now, when it is used now. */
  lastUsedAt({ id, lastUsedAt }: Pick<VmRow, 'id' | 'lastUsedAt'>): number {
    return this.isUsed(id) ? this.#clock.now() : (this.#unwritten.get(id) ?? lastUsedAt);
  }

  /** Writes to the rows what has changed since the last time. What finds no room on the disk waits for the next time, and fails nobody. */
  write(): void {
    for (const vm of this.#open.keys()) this.touch(vm);
    if (this.#unwritten.size === 0) return;
    try {
      this.#vms.setLastUses(this.#unwritten);
      this.#unwritten.clear();
    } catch (error) {
      this.#log.warn({ error: toBangerError(error).message }, 'times of last use not written');
    }
  }

  #count(vm: string): number {
    return this.#open.get(vm) ?? 0;
  }
}
