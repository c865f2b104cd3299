import { Readable } from 'node:stream';
import type { BangerError } from '@banger/contract/error';

/** A Readable that is fed only while its reader asks. What its reader no longer wants is dropped. */
export class RawOutput {
  readonly readable: Readable;
  #wanted = false;

  /** `resume` is called when more is wanted, also when the reader has gone. */
  constructor(resume: () => void, objectMode = false) {
    this.readable = new Readable({
      objectMode,
      read: () => {
        this.#wanted = true;
        resume();
      },
      destroy: (error, done) => {
        done(error);
        resume();
      },
    });
    guard(this.readable);
  }

  /** True when the next part may be given. */
  get wanted(): boolean {
    return this.#wanted || this.readable.destroyed;
  }

  push(part: Uint8Array): void {
    if (this.readable.destroyed) return;
    this.#wanted = false;
    // The Readable calls `read` again by itself when its buffer has room; `push` answering true means it has already.
    if (this.readable.push(part)) this.#wanted = true;
  }

  end(): void {
    if (!this.readable.destroyed) this.readable.push(null);
  }

  fail(error: BangerError): void {
    this.readable.destroy(error);
  }
}

/** Keeps an error that nobody listens for from ending the daemon; whoever reads the stream still gets it. */
export function guard(stream: NodeJS.EventEmitter): void {
  stream.on('error', () => undefined);
}
