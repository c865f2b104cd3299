/** Signals that the program answers itself. */
export const handledSignals = ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGHUP'] as const;
export type HandledSignal = (typeof handledSignals)[number];

/** Tells the signals that reach the program to the newest listener only. */
export interface SignalSource {
  /** The returned function takes the listener away; the one before it is in charge again. */
  listen(listener: (signal: HandledSignal) => void): () => void;
  /** The same as if the signal had come: for keys that a terminal in raw mode makes no signals of. */
  raise(signal: HandledSignal): void;
}

/** Where signals come from: `process`, or an emitter of a test. */
interface SignalEmitter {
  on(signal: HandledSignal, listener: () => void): unknown;
}

/** A stack of listeners over an emitter of signals. Until one listens, and after all have gone, signals do nothing. */
export function signalSource(emitter: SignalEmitter): SignalSource {
  const listeners: ((signal: HandledSignal) => void)[] = [];
  const raise = (signal: HandledSignal): void => listeners.at(-1)?.(signal);
  for (const signal of handledSignals) emitter.on(signal, () => raise(signal));
  return {
    raise,
    listen: (listener) => {
      listeners.push(listener);
      return () => {
        const index = listeners.lastIndexOf(listener);
        if (index >= 0) listeners.splice(index, 1);
      };
    },
  };
}
