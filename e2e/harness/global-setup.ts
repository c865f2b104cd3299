import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestProject } from 'vitest/node';
import { banger } from './banger.ts';
import { entries, processesOf, vmProcessesOf } from './leftovers.ts';
import { FIRST_RUN_FILE, removeHome, stock, takeImage, type FirstRun } from './shared-home.ts';

/** What the very first command fetches, and what tests use besides: fetched here, so that no two homes do the same work. */
const FIRST_IMAGE = 'debian-bookworm';
const SECOND_IMAGE = 'debian-bookworm-systemd';

/**
 * Begins with a machine that has nothing of ours: an empty home. The first command of all is the README's, so that what a new user
 * sees is what is tested; the test files then share what it fetched, in as many homes as files run at the same time. Who works on
 * one file spares himself that with `BANGER_E2E_HOME`: a home in which a VM has run, which stays.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const made = process.env['BANGER_E2E_HOME'];
  if (made !== undefined) {
    project.provide('homes', [made]);
    return () => Promise.resolve();
  }
  const home = newHome();
  const other = newHome();
  const [first] = await Promise.all([
    banger(['vm', 'run', '--rm', '--', 'uname', '-a'], { home }),
    banger(['image', 'pull', SECOND_IMAGE], { home: other }),
  ]);
  const left = [
    ...vmProcessesOf(home).map(({ argv }) => argv),
    ...entries(home, 'state', 'vms'),
    ...entries(home, 'run', 'vm'),
  ];
  writeFileSync(join(home, FIRST_RUN_FILE), JSON.stringify({ ...first, left } satisfies FirstRun));
  takeImage(home, other, SECOND_IMAGE);
  await endHome(other);
  const homes = [home, ...Array.from({ length: project.config.maxWorkers - 1 }, newHome)];
  for (const each of homes.slice(1)) stock(each, home, [FIRST_IMAGE, SECOND_IMAGE]);
  project.provide('homes', homes);
  return async () => {
    const after = (await Promise.all(homes.map(endHome))).flat();
    if (after.length > 0) throw new Error(`Left behind after all tests: ${after.join('\n')}`);
  };
}

function newHome(): string {
  return mkdtempSync(join(tmpdir(), 'banger-e2e-'));
}

/** Ends a home's daemon and removes the home; tells what ran in it all the same. */
async function endHome(home: string): Promise<string[]> {
  await banger(['daemon', 'stop'], { home });
  const left = processesOf(home);
  for (const { pid } of left) process.kill(pid, 'SIGKILL');
  if (left.length === 0) removeHome(home);
  return left.map(({ argv }) => argv);
}
