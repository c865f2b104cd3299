import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { banger } from './banger.ts';
import { processesOf } from './leftovers.ts';
import { removeHome } from './shared-home.ts';

/**
 * Begins with a machine that has nothing of ours: an empty home. The first command of all is the README's, so that what a new user
 * sees is what is tested; all test files then share what it fetched. Who works on one file spares himself that with `BANGER_E2E_HOME`:
 * a home in which a VM has run, which stays.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const made = process.env['BANGER_E2E_HOME'];
  if (made !== undefined) {
    project.provide('home', made);
    return () => Promise.resolve();
  }
  const home = mkdtempSync(join(tmpdir(), 'banger-e2e-'));
  const first = await banger(['vm', 'run', '--rm', '--', 'uname', '-a'], { home });
  writeFileSync(join(home, 'first-run.json'), JSON.stringify(first));
  project.provide('home', home);
  return async () => {
    await banger(['daemon', 'stop'], { home });
    const left = processesOf(home);
    if (left.length > 0) {
      for (const { pid } of left) process.kill(pid, 'SIGKILL');
      throw new Error(`Left behind after all tests: ${left.map(({ argv }) => argv).join('\n')}`);
    }
    removeHome(home);
  };
}
