import { outsideOfLives, type DaemonLife } from './daemon-life.suite.ts';

/** Methods that only look: the world is the same before and after them. */
const LOOKS = new Set([
  'status',
  'look',
  'check',
  'usedBytes',
  'size',
  'ping',
  'stats',
  'ports',
  'get',
  'find',
  'leftovers',
]);
/** Methods that answer at once and change nothing but what the daemon itself holds. */
const OWN = new Set(['nic', 'onEvent', 'events', 'release', 'close']);

type Method = (...args: unknown[]) => unknown;

/** How a driver is made mortal. */
export interface MortalOptions {
  /** What it drives outlives the daemon: what begins in its calls is not the daemon's, and ends without it. */
  readonly outlives?: boolean;
  /** By method: what its result is made into, and how the kernel lets go of it when the daemon dies. */
  readonly results?: Readonly<Record<string, { readonly name: string; readonly letGo: string }>>;
}

/**
 * A driver, or something that one made, as a daemon that may be killed has it: every method is an effect unless it is named above,
 * so that a new one is covered without anybody's remembering.
 */
export function mortal<T extends object>(
  life: DaemonLife,
  name: string,
  inner: T,
  { outlives = false, results = {} }: MortalOptions = {},
): T {
  const call = (key: string, method: Method, args: readonly unknown[]): unknown => {
    const act = (): unknown =>
      method.apply(
        inner,
        args.map((arg) => asHeard(life, arg)),
      );
    const world = (): unknown => (outlives ? outsideOfLives(act) : act());
    // What `onEvent` returns ends the listening.
    if (OWN.has(key)) return life.isDead ? () => undefined : world();
    const kept = results[key];
    const made = async (): Promise<unknown> => {
      const result = await world();
      return kept === undefined ? result : keep(life, kept, result as object, outlives);
    };
    if (LOOKS.has(key)) return life.look(made);
    return outlives ? life.effect(`${name}: ${key}`, made) : life.work(`${name}: ${key}`, made);
  };
  return new Proxy(inner, {
    get: (target, key) => {
      const value: unknown = Reflect.get(target, key, target);
      if (typeof value === 'function')
        return (...args: unknown[]) => call(String(key), value as Method, args);
      return value instanceof Promise ? life.alive(value) : value;
    },
  });
}

/** A result that the daemon holds open as long as it lives. */
function keep(
  life: DaemonLife,
  { name, letGo }: { readonly name: string; readonly letGo: string },
  result: object,
  outlives: boolean,
): object {
  const end = (): void => void (Reflect.get(result, letGo, result) as Method).call(result);
  if (life.isDead) end();
  else life.holds(end);
  return mortal(life, name, result, { outlives });
}

/** A callback of the daemon runs as the daemon, and not at all once that is dead. A signal also fires at its death. */
function asHeard(life: DaemonLife, arg: unknown): unknown {
  if (typeof arg === 'function')
    return (...args: unknown[]) => (life.isDead ? undefined : life.run(() => (arg as Method)(...args)));
  if (typeof arg === 'object' && arg !== null && 'deadlineMs' in arg) {
    const { signal } = arg as { readonly signal?: AbortSignal };
    return { ...arg, signal: AbortSignal.any([life.death, ...(signal === undefined ? [] : [signal])]) };
  }
  return arg;
}
