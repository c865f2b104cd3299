import { execFileSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const NS_PER_MS = 1_000_000n;
const BYTES = 16;

/** The clocks of a host as the programs of one home see them: a library that is preloaded (`set-clock.c`) reads them from a file. */
export class HostClock {
  /** For the environment of each program that is to go by them; what the daemon starts does not get it. */
  readonly env: Readonly<Record<string, string>>;
  readonly #file: number;
  #setMs = 0;
  #passedMs = 0;

  constructor(directory: string) {
    const library = join(directory, 'set-clock.so');
    const source = join(import.meta.dirname, 'set-clock.c');
    execFileSync('gcc', ['-shared', '-fPIC', '-O1', '-Wall', '-Wextra', '-Werror', '-o', library, source]);
    const file = join(directory, 'clock');
    this.#file = openSync(file, 'w', 0o600);
    ftruncateSync(this.#file, BYTES);
    this.env = { LD_PRELOAD: library, HOST_CLOCK: file };
  }

  /** Milliseconds since 1970, by the clock as it is set. */
  now(): number {
    return Date.now() + this.#setMs + this.#passedMs;
  }

  /** The time of day is set, so much off the true one; no time passes. */
  set(offTrueMs: number): void {
    this.#setMs = offTrueMs;
    this.#write();
  }

  /** So much time passes at once: a program notices as soon as it wakes. */
  pass(ms: number): void {
    this.#passedMs += ms;
    this.#write();
  }

  close(): void {
    closeSync(this.#file);
  }

  #write(): void {
    const offsets = Buffer.alloc(BYTES);
    offsets.writeBigInt64LE(BigInt(this.#setMs + this.#passedMs) * NS_PER_MS, 0);
    offsets.writeBigInt64LE(BigInt(this.#passedMs) * NS_PER_MS, BYTES / 2);
    writeSync(this.#file, offsets, 0, BYTES, 0);
  }
}
