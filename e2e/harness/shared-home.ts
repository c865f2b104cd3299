import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { inject } from 'vitest';
import type { Outcome } from './banger.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The homes that test files share, one for each that run at the same time, with images and kernel in them. */
    readonly homes: readonly string[];
  }
}

/** The home of this test file and of those that run before and after it: one daemon, images and kernel fetched once. */
export function sharedHome(): string {
  const homes = inject('homes');
  const home = homes[(Number(process.env['VITEST_POOL_ID']) - 1) % homes.length];
  if (home === undefined) throw new Error('The global set-up has made no home.');
  return home;
}

/** Gives a new home what another has of these images, and its kernel: hard links, so that it costs nothing. */
export function stock(home: string, from: string, images: readonly string[]): void {
  mkdirSync(join(home, 'state'), { mode: 0o700 });
  const wanted = { images, kernels: ['debian-cloud'] };
  for (const [store, names] of Object.entries(wanted)) {
    mkdirSync(join(home, 'state', store), { mode: 0o700 });
    for (const name of names) take(home, from, store, name);
  }
  // What KVM can do here does not depend on the home.
  if (existsSync(join(from, 'cache'))) cpSync(join(from, 'cache'), join(home, 'cache'), { recursive: true });
}

/** Gives a home that is in use an image that another has, by hard links. */
export function takeImage(home: string, from: string, image: string): void {
  take(home, from, 'images', image);
}

function take(home: string, from: string, store: string, name: string): void {
  execFileSync('cp', [
    ...['--archive', '--link', join(from, 'state', store, name)],
    join(home, 'state', store, name),
  ]);
}

/** Where the global set-up keeps what the very first command came to. */
export const FIRST_RUN_FILE = 'first-run.json';

/** What the very first `vm run`, on the then empty home, came to. */
export interface FirstRun extends Outcome {
  /** Processes, directories and sockets of a VM that were there after it. */
  readonly left: readonly string[];
}

/** The very first command of all. */
export function firstRun(): FirstRun {
  const [home = ''] = inject('homes');
  return JSON.parse(readFileSync(join(home, FIRST_RUN_FILE), 'utf8')) as FirstRun;
}

/** Removes a home whose daemon has ended. */
export function removeHome(home: string): void {
  rmSync(home, { recursive: true, force: true });
}
