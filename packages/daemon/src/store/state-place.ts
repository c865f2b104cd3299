import { statSync, type BigIntStats } from 'node:fs';
import { dirname } from 'node:path';
import { BangerError } from '@banger/contract/error';

/**
 * Tells whether the database that a daemon holds is still the one at its path. Its lock is on a file, and not on the name of it: where
 * somebody deletes the state, or puts another one in its place, the next daemon holds what has that name then, and whatever this one would
 * remove by a path is not its own.
 */
export class StatePlace {
  readonly #file: string;
  readonly #own: BigIntStats;

  /** Of a database that was just opened: what is at its path now is what is held. */
  constructor(file: string) {
    this.#file = file;
    this.#own = statSync(file, { bigint: true });
  }

  /** True when it is known that another file is at the path, or none; what cannot be looked at is not known. */
  get isLost(): boolean {
    try {
      return !this.#isOwn(statSync(this.#file, { bigint: true }));
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      return code === 'ENOENT' || code === 'ENOTDIR';
    }
  }

  /** Throws `state_lost` unless what is at the path can be seen to be what is held. A few microseconds. */
  check(): void {
    let found: BigIntStats | undefined;
    let cause: unknown;
    try {
      found = statSync(this.#file, { bigint: true });
    } catch (thrown) {
      cause = thrown;
    }
    if (found !== undefined && this.#isOwn(found)) return;
    throw new BangerError(
      'state_lost',
      `${dirname(this.#file)} is no longer the state of this daemon (pid ${process.pid}).`,
      { cause, details: { file: this.#file, pid: process.pid } },
    );
  }

  #isOwn({ dev, ino }: BigIntStats): boolean {
    return dev === this.#own.dev && ino === this.#own.ino;
  }
}
