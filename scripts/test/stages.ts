import { globSync } from 'node:fs';
import { join } from 'node:path';
import type { Stage } from './stage.ts';

const ROOT = join(import.meta.dirname, '../..');
const NODE = process.execPath;

const shellScripts = [
  'banger',
  '.ci/run',
  ...globSync('{scripts,guest,netguard,e2e,bench}/**/*.sh', { cwd: ROOT }),
];

/** What `make test` runs, in this order: what is quick and fails often comes first. */
export const stages: readonly Stage[] = [
  {
    name: 'format',
    beside: true,
    what: 'oxfmt',
    command: ['oxfmt', '--list-different'],
  },
  { name: 'types', beside: true, what: 'TypeScript', command: ['tsc', '-p', 'tsconfig.json'] },
  { name: 'lint', beside: true, what: 'oxlint, with types', command: ['oxlint'] },
  {
    name: 'imports',
    beside: true,
    what: 'who may import whom',
    command: [NODE, 'scripts/import-rules/check.ts'],
  },
  { name: 'dead-code', beside: true, what: 'knip', command: ['knip'] },
  {
    name: 'texts',
    beside: true,
    what: 'machine paths, hosts, reasons',
    command: [NODE, 'scripts/texts/check.ts'],
  },
  { name: 'shell', beside: true, what: 'shellcheck', command: ['shellcheck', ...shellScripts] },
  {
    name: 'agent',
    beside: true,
    what: 'guest agent: warnings, tests, fuzz',
    command: ['make', '-s', '-C', 'guest', 'all', 'check'],
  },
  {
    name: 'netguard',
    beside: true,
    what: 'network guard: warnings, tests, fuzz',
    command: ['make', '-s', '-C', 'netguard', 'all', 'check'],
  },
  { name: 'unit', what: 'unit tests', vitest: true, command: ['vitest', 'run'] },
  { name: 'build', what: 'the artifact', command: [NODE, 'scripts/build/main.ts'] },
  {
    name: 'e2e',
    what: 'tests that boot VMs',
    vitest: true,
    needs: ['build'],
    command: ['vitest', 'run', '--config', 'vitest.e2e.config.ts'],
  },
];
