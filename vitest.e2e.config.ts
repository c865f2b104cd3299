import { defineConfig } from 'vitest/config';

/** A boot under TCG takes 5 s to the agent and 35 s to systemd on an idle machine; ten times that is a hang. */
const TEST_TIMEOUT_MS = 300_000;
/** The first hook may build an image from distribution packages: minutes on two cores. */
const HOOK_TIMEOUT_MS = 900_000;

/** The tests that boot VMs, run against the built artifact; one file at a time, as a VM under TCG fills a core. */
export default defineConfig({
  test: {
    name: 'e2e',
    include: ['e2e/**/*.test.ts'],
    exclude: ['**/node_modules/**'],
    testTimeout: TEST_TIMEOUT_MS,
    hookTimeout: HOOK_TIMEOUT_MS,
    fileParallelism: false,
    globalSetup: ['e2e/harness/global-setup.ts'],
  },
});
