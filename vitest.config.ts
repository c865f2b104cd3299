import { defineConfig } from 'vitest/config';

/** A unit test that takes longer hangs: none may boot, build or wait for anything real. */
const UNIT_TIMEOUT_MS = 10_000;

/** The unit tests: beside their sources, no root, no VM, no network. The others are in `vitest.e2e.config.ts`. */
export default defineConfig({
  test: {
    name: 'unit',
    include: ['packages/**/*.test.ts', 'scripts/**/*.test.ts', 'bench/**/*.test.ts'],
    exclude: ['**/node_modules/**', 'scripts/**/fixtures/**'],
    testTimeout: UNIT_TIMEOUT_MS,
    hookTimeout: UNIT_TIMEOUT_MS,
  },
});
