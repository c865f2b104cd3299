import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { inject } from 'vitest';

declare module 'vitest' {
  interface ProvidedContext {
    /** The home that test files share, with image and kernel in it. */
    readonly home: string;
  }
}

/** The home that all test files share: one image build, one kernel fetch, one daemon. */
export function sharedHome(): string {
  return inject('home');
}

/** What the very first `vm run` on the then empty home printed; kept by the global set-up. */
export function firstRun(home: string): {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
} {
  return JSON.parse(readFileSync(join(home, 'first-run.json'), 'utf8')) as ReturnType<typeof firstRun>;
}

/** Removes a home whose daemon has ended. */
export function removeHome(home: string): void {
  rmSync(home, { recursive: true, force: true });
}
