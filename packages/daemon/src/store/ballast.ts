import { randomBytes } from 'node:crypto';
import { closeSync, fsyncSync, openSync, rmSync, statfsSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';

/** The ballast's file name in the state directory. */
export const BALLAST_FILE = 'banger.ballast';

/** Some hundred changes of the database, each of which takes a few pages of 4 KiB. */
export const BALLAST_BYTES = 1024 * 1024;
/** It is made only where there is this much room, so that it is never what fills the disk. */
const AMPLE_BYTES = 4 * BALLAST_BYTES;

/** Room on the disk that is kept for the work that makes room: a file that takes space and is removed when there is none. */
export class Ballast {
  readonly #directory: string;
  readonly #file: string;

  constructor(directory: string) {
    this.#directory = directory;
    this.#file = join(directory, BALLAST_FILE);
  }

  /** Makes it where it is missing or was cut short, if there is ample room. Whether that succeeds is no matter of the caller's. */
  fill(): void {
    try {
      if (statSync(this.#file, { throwIfNoEntry: false })?.size === BALLAST_BYTES) return;
      if (this.#room() < AMPLE_BYTES) return;
      const fd = openSync(this.#file, 'w', 0o600);
      try {
        // Neither sparse nor compressible: it has to take the room.
        const bytes = randomBytes(BALLAST_BYTES);
        for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
    } catch {
      // Without it a full disk is reported all the same, only less can be done about it.
      this.release();
    }
  }

  /** Gives the room back; false when there was none. */
  release(): boolean {
    try {
      rmSync(this.#file);
      return true;
    } catch {
      return false;
    }
  }

  #room(): number {
    const { bavail, bsize } = statfsSync(this.#directory);
    return bavail * bsize;
  }
}
