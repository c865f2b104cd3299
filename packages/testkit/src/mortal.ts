/** A promise that is never kept. */
const never = new Promise<never>(() => undefined);

/** A program that can be killed in the middle of anything: from then on it does nothing more, and learns of nothing. */
export class Mortal {
  readonly #death = new AbortController();

  /** Fires when it is killed. */
  get death(): AbortSignal {
    return this.#death.signal;
  }

  kill(): void {
    this.#death.abort();
  }

  /** The same object as the program sees it: a call on it that is at work when the program is killed never returns, and none begins. */
  bind<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (object, key) => {
        const value: unknown = Reflect.get(object, key);
        if (value instanceof Promise) return this.#whileAlive(value);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]): unknown => {
          if (this.death.aborted) return never;
          const result: unknown = Reflect.apply(value, object, args);
          return result instanceof Promise ? this.#whileAlive(result) : result;
        };
      },
    });
  }

  #whileAlive<T>(result: Promise<T>): Promise<T> {
    const orNever = <A>(answer: (value: A) => void) => {
      return (value: A): void => {
        if (!this.death.aborted) answer(value);
      };
    };
    return new Promise((resolve, reject) => void result.then(orNever(resolve), orNever(reject)));
  }
}
