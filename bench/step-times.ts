import { readFileSync } from 'node:fs';

/** How long a step of a VM's life took, in milliseconds, as the daemon's log tells of it. */
export interface StepTime {
  readonly step: string;
  readonly ms: number;
}

/** The steps in lines of a daemon's log, in the order of their ends. */
export function stepTimes(lines: readonly string[]): StepTime[] {
  return lines
    .filter((line) => line.includes('"vm step"'))
    .map((line) => JSON.parse(line) as StepTime)
    .map(({ step, ms }) => ({ step, ms }));
}

/** Reads a log from where it was left off: a log that was set aside meanwhile is shorter, and is read from its beginning. */
export class LogReader {
  readonly #path: string;
  #from = 0;

  constructor(path: string) {
    this.#path = path;
    this.read();
  }

  /** The lines since the last time. */
  read(): string[] {
    const log = readFileSync(this.#path);
    const text = log.subarray(this.#from > log.length ? 0 : this.#from).toString();
    this.#from = log.length;
    return text.split('\n');
  }
}
