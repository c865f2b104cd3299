import { closeSync, constants, fstatSync, openSync, renameSync, writeSync } from 'node:fs';

/** A log of this size is set aside as `.1`, which replaces the one before; so all logs take at most twice that. */
const ROTATE_BYTES = 16 * 1024 * 1024;
const FLAGS = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NOFOLLOW;

/**
 * The file that log lines go to: 0600, appended to, each line written before the call returns. Writing never throws, for
 * a full or broken disk must not end what the daemon does: such lines are counted, and their number is written once there is
 * room again. Only the opening may fail.
 */
export class LogFile {
  readonly #path: string;
  readonly #rotateBytes: number;
  #fd: number;
  #bytes: number;
  #lost = 0;
  /** Part of a line got in before the room ended. */
  #torn = false;

  constructor(path: string, rotateBytes: number = ROTATE_BYTES) {
    this.#path = path;
    this.#rotateBytes = rotateBytes;
    this.#fd = openSync(path, FLAGS, 0o600);
    this.#bytes = fstatSync(this.#fd).size;
  }

  /** Lines that found no room since the last one that did. */
  get lost(): number {
    return this.#lost;
  }

  /** Writes a line, with its newline. */
  write(line: string): void {
    if (this.#bytes >= this.#rotateBytes) this.#rotate();
    if ((this.#lost > 0 || this.#torn) && !this.#append(this.#gap())) {
      this.#lost += 1;
      return;
    }
    this.#lost = 0;
    if (!this.#append(line)) this.#lost += 1;
  }

  /** Nothing is written after that. */
  close(): void {
    closeSync(this.#fd);
  }

  #gap(): string {
    const msg = `${this.#lost} ${this.#lost === 1 ? 'line' : 'lines'} lost: the log could not be written`;
    return `${this.#torn ? '\n' : ''}${JSON.stringify({ level: 'warn', time: new Date().toISOString(), msg })}\n`;
  }

  /** False when not all of it could be written. */
  #append(text: string): boolean {
    const bytes = Buffer.from(text);
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(this.#fd, bytes, written);
      this.#torn = false;
      return true;
    } catch {
      if (written > 0) this.#torn = bytes[written - 1] !== 0x0a;
      return false;
    } finally {
      this.#bytes += written;
    }
  }

  /** Where that fails, the old file is written on, and it is tried again after as many bytes. */
  #rotate(): void {
    this.#bytes = 0;
    try {
      renameSync(this.#path, `${this.#path}.1`);
    } catch (error) {
      // Somebody removed it: a new one is wanted all the same.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') return;
    }
    try {
      const fd = openSync(this.#path, FLAGS, 0o600);
      closeSync(this.#fd);
      this.#fd = fd;
      this.#bytes = fstatSync(fd).size;
    } catch {
      // The old file, now `.1`, takes the lines until then.
    }
  }
}
