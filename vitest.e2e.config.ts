import { defineConfig } from 'vitest/config';
import { LongestFirst } from './scripts/test/longest-first.ts';

/** A boot under TCG takes 5 s to the agent and 35 s to systemd on an idle machine; ten times that is a hang. */
const TEST_TIMEOUT_MS = 300_000;
/** The first hook may build an image from distribution packages: minutes on two cores. */
const HOOK_TIMEOUT_MS = 900_000;

/**
 * Test files at work at the same time: a VM that boots under TCG fills a core, and the project's machines have two. With three files both
 * cores were idle for half a percent of the time, and no sooner done. Who works on one file with a home of his own (BANGER_E2E_HOME) has
 * just that one.
 */
const AT_ONCE = process.env['BANGER_E2E_HOME'] === undefined ? 2 : 1;

/** What needs something that takes minutes to make, by a target of its own in the Makefile, and is no part of `make test`. */
const IS_LAB = process.env['BANGER_LAB'] !== undefined;

/** The tests that boot VMs, run against the built artifact. Files share the modules that they load, as the unit tests do. */
export default defineConfig({
  test: {
    name: 'e2e',
    include: [IS_LAB ? 'e2e/**/*.lab.ts' : 'e2e/**/*.test.ts'],
    exclude: ['**/node_modules/**'],
    testTimeout: TEST_TIMEOUT_MS,
    hookTimeout: HOOK_TIMEOUT_MS,
    maxWorkers: AT_ONCE,
    isolate: false,
    sequence: { sequencer: LongestFirst },
    globalSetup: ['e2e/harness/global-setup.ts'],
  },
});
