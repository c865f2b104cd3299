import { AsyncLocalStorage } from 'node:async_hooks';
import { Mortal } from '@banger/testkit/mortal';
import type { Clock } from '../../../host/clock.ts';

const lives = new AsyncLocalStorage<DaemonLife>();

/** The daemon on whose behalf this code runs; undefined in the test itself and in what outlives daemons. */
export function currentLife(): DaemonLife | undefined {
  return lives.getStore();
}

/** Runs what outlives every daemon: a VMM, its guest. */
export function outsideOfLives<T>(work: () => T): T {
  return lives.exit(work);
}

/** Whether a daemon is killed before this point, the `n`th, counted from 1. */
export type Doom = (point: string, n: number) => boolean;

/** What a synchronous call of a dead daemon ends with: it cannot be kept from returning, but whatever it does next is dead as well. */
class Killed extends Error {}

/**
 * The life of one pretended daemon, which may be killed before anything that it does to the world: each such effect is a point. A kill
 * after an effect is a kill before the next one, because nothing but memory lies between. Once it is dead nothing of it acts: its
 * calls never return, its sleeps never end, what it held open is closed.
 */
export class DaemonLife extends Mortal {
  readonly #points: string[] = [];
  readonly #underway = new Set<Promise<unknown>>();
  readonly #holds = new Set<() => void>();
  #isLast: Doom = () => false;

  /** What it has done since it began, or since `doom`; the last one was not done when it was killed there. */
  get points(): readonly string[] {
    return this.#points;
  }

  get isDead(): boolean {
    return this.death.aborted;
  }

  /** From now on counts its points, and kills it before the first that this is true of. */
  doom(isLast: Doom): void {
    this.#points.length = 0;
    this.#isLast = isLast;
  }

  /** SIGKILL: the kernel closes what it held, and that is all that is done for it. */
  override kill(): void {
    if (this.isDead) return;
    super.kill();
    for (const letGo of this.#holds) letGo();
    this.#holds.clear();
  }

  /** Resolves when what was under way at its death has ended in the world, as a system call does that had begun. */
  async buried(): Promise<void> {
    while (this.#underway.size > 0) await Promise.allSettled(this.#underway);
  }

  /** Runs something as this daemon. */
  run<T>(work: () => T): T {
    return lives.run(this, work);
  }

  /** What is let go of at its death, such as an open file; the result ends that. */
  holds(letGo: () => void): () => void {
    this.#holds.add(letGo);
    return () => void this.#holds.delete(letGo);
  }

  /** Does something to the world, or is killed before it. What has begun ends, as a system call does. */
  effect<T>(name: string, act: () => Promise<T>): Promise<T> {
    return this.#reach(name) ? this.alive(this.#track(act())) : never();
  }

  /** As `effect`, for what consists of effects of its own, or hears of the death by itself: it ends in the middle. */
  work<T>(name: string, act: () => Promise<T>): Promise<T> {
    return this.#reach(name) ? this.alive(act()) : never();
  }

  /** As `effect`, for what is synchronous. */
  effectNow<T>(name: string, act: () => T): T {
    if (!this.#reach(name)) throw new Killed(`killed before ${name}`);
    return act();
  }

  /** Looks at the world: no point, but the dead see nothing. */
  look<T>(act: () => Promise<T>): Promise<T> {
    return this.isDead ? never() : this.alive(act());
  }

  lookNow<T>(act: () => T): T {
    if (this.isDead) throw new Killed('dead');
    return act();
  }

  /** A point at which nothing is done: a moment of its own, such as the beginning of a step. */
  moment(name: string): void {
    this.#reach(name);
  }

  /** The promise as the daemon sees it: never settled after its death. */
  alive<T>(promise: Promise<T>): Promise<T> {
    return promise.then(
      (value) => (this.isDead ? never<T>() : value),
      (error: unknown) => {
        if (this.isDead) return never<T>();
        throw error;
      },
    );
  }

  clock(inner: Clock): Clock {
    return {
      now: () => inner.now(),
      monotonic: () => inner.monotonic(),
      sleep: (ms, signal) =>
        this.look(() =>
          inner.sleep(ms, AbortSignal.any([this.death, ...(signal === undefined ? [] : [signal])])),
        ),
    };
  }

  #reach(name: string): boolean {
    if (this.isDead) return false;
    this.#points.push(name);
    if (this.#isLast(name, this.#points.length)) this.kill();
    return !this.isDead;
  }

  #track<T>(promise: Promise<T>): Promise<T> {
    this.#underway.add(promise);
    const over = (): void => void this.#underway.delete(promise);
    promise.then(over, over);
    return promise;
  }
}

function never<T>(): Promise<T> {
  return new Promise<T>(() => undefined);
}
