import { closeSync, constants, fsyncSync, openSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { onHost } from './host-error.ts';

const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
/** What the user's mask leaves of it. */
const MODE = 0o666;

/** A file that is written under a name of its own, and gets another when it is whole. Throws `copy_failed` or `disk_full`. */
export class WholeFile {
  readonly #directory: string;
  readonly #staged: string;
  #fd: number | undefined;

  /** In a directory that is there. */
  constructor(directory: string) {
    this.#directory = directory;
    this.#staged = join(directory, `.banger-${process.pid}-${Date.now().toString(36)}-0`);
    this.#fd = onHost(directory, () =>
      openSync(this.#staged, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, MODE),
    );
  }

  write(bytes: Uint8Array): void {
    const fd = this.#fd;
    if (fd === undefined) return;
    for (let at = 0; at < bytes.length;) at += onHost(this.#directory, () => writeSync(fd, bytes, at));
  }

  /** Gives it its name, whatever had that before. Tells its path. */
  finish(name: string): string {
    const path = join(this.#directory, name);
    const fd = this.#fd;
    if (fd === undefined) return path;
    onHost(path, () => {
      fsyncSync(fd);
      renameSync(this.#staged, path);
    });
    this.#fd = undefined;
    closeSync(fd);
    return path;
  }

  /** Removes what is not whole. Harmless when repeated, and afterwards. */
  close(): void {
    if (this.#fd === undefined) return;
    closeSync(this.#fd);
    this.#fd = undefined;
    try {
      unlinkSync(this.#staged);
    } catch {
      // Its directory may be gone: the error that has led here is the one to tell.
    }
  }
}
