import { defineConfig } from 'vitest/config';
import { LongestFirst } from './scripts/test/longest-first.ts';

/**
 * A unit test that takes longer hangs: none may boot, build or wait for anything real. Those that have programs of the host look at disks
 * take three seconds, and four times as long where other work has the cores.
 */
const UNIT_TIMEOUT_MS = 30_000;

/** What is killed here is what replaces `node:fs`: it needs modules that nobody has loaded before. */
const REPLACE_MODULES = ['packages/daemon/src/services/vm/crash/*.test.ts'];

/** One for each core of the project's machines: vitest leaves one of them idle unless told. */
const AT_ONCE = 2;

const shared = {
  maxWorkers: AT_ONCE,
  testTimeout: UNIT_TIMEOUT_MS,
  hookTimeout: UNIT_TIMEOUT_MS,
};

/**
 * The unit tests: beside their sources, no root, no VM, no network. The others are in `vitest.e2e.config.ts`. Files share the modules
 * that they load, as loading these for each anew took longer than most of the tests.
 */
export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          include: ['packages/**/*.test.ts', 'scripts/**/*.test.ts', 'bench/**/*.test.ts'],
          exclude: ['**/node_modules/**', 'scripts/**/fixtures/**', ...REPLACE_MODULES],
          isolate: false,
        },
      },
      { test: { ...shared, name: 'unit, with modules of its own', include: REPLACE_MODULES } },
    ],
  },
});
