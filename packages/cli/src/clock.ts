/** Time, injected so that tests decide how it passes. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds since an arbitrary moment, never going back. */
  monotonic(): number;
  /** Calls once after `ms`; the returned function cancels. */
  after(ms: number, call: () => void): () => void;
  /** Calls every `ms`, without keeping the process alive; the returned function ends it. */
  every(ms: number, call: () => void): () => void;
}

/** The clock of the machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  // Not performance.now(): Node loads some ten modules for it, which every command would wait for.
  monotonic: () => Number(process.hrtime.bigint()) / 1e6,
  after: (ms, call) => {
    const timer = setTimeout(call, ms);
    return () => clearTimeout(timer);
  },
  every: (ms, call) => {
    const timer = setInterval(call, ms).unref();
    return () => clearInterval(timer);
  },
};
