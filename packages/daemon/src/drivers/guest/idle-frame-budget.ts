import { performance } from 'node:perf_hooks';
import { MAX_IDLE_FRAMES_PER_SECOND } from './limits.ts';
import { violation } from './violation.ts';

const SECOND_MS = 1000;

/** Counts the frames that carry nothing. Other frames are bounded by windows; these would be free to send without end. */
export class IdleFrameBudget {
  readonly #now: () => number;
  #since = -Infinity;
  #spent = 0;

  /** `now`: milliseconds, never going back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Counts one frame. Throws `agent_protocol` when there were too many within a second. */
  spend(): void {
    const now = this.#now();
    if (now - this.#since >= SECOND_MS) {
      this.#since = now;
      this.#spent = 0;
    }
    this.#spent += 1;
    if (this.#spent > MAX_IDLE_FRAMES_PER_SECOND)
      throw violation(`sent more than ${MAX_IDLE_FRAMES_PER_SECOND} empty frames within a second`);
  }
}
