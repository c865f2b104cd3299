import { rmSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { bundleFile } from '../../../drivers/image/bundle/bundle.suite.ts';
import { writeLayout } from '../../../drivers/image/oci/layout.suite.ts';
import { archive } from '../../../drivers/image/oci/tar/archive.suite.ts';
import { createSteps } from '../create.ts';
import { removalStep } from '../delete.ts';
import type { FakeHost } from '../fake-host.suite.ts';
import { initStep, startSteps } from '../start-steps.ts';
import { powerOffSteps, releaseSteps } from '../stop-steps.ts';
import { beginningOf, killEverywhere, makeStock, pointsOf } from './kill-points.suite.ts';
import { BUNDLE, LAYOUT, verbs } from './verbs.suite.ts';

vi.mock('node:fs/promises', async (original) => {
  const { atOnce } = await import('./at-once-files.suite.ts');
  const { mortalFiles } = await import('./mortal-files.suite.ts');
  return mortalFiles(atOnce(await original()));
});

/** A command has up to 70 points, and what is done at each takes 50 to 200 ms on a quiet machine. */
const TIMEOUT_MS = 120_000;

let stock: FakeHost;
beforeAll(async () => {
  stock = await makeStock();
  writeLayout(LAYOUT, [archive([{ name: 'etc/motd', content: 'hello' }])]);
  writeFileSync(BUNDLE, bundleFile());
});
afterAll(async () => {
  rmSync(LAYOUT, { recursive: true });
  await stock.close();
});

describe('a daemon that is killed', () => {
  const told: string[] = [];
  afterAll(() => console.log(`Killed at every point of:\n${told.join('\n')}`));

  test.each(verbs)(
    'anywhere in $name: the next one finds the truth, and nothing is left over',
    async (verb) => {
      const { points, failures } = await killEverywhere(verb, stock);
      told.push(`  ${verb.name}: ${points}`);
      expect(failures).toEqual([]);
    },
    TIMEOUT_MS,
  );

  test('was killed in every step there is', async () => {
    const start = [...startSteps, initStep].flat();
    const release = [...releaseSteps, removalStep];
    const steps: Record<string, readonly { readonly title: string }[]> = {
      create: [...createSteps.flat(), ...start],
      start,
      stop: [...powerOffSteps, ...releaseSteps],
      'delete of a running VM': release,
    };
    for (const verb of verbs.filter(({ name }) => name in steps))
      expect(await pointsOf(verb, stock)).toEqual(
        expect.arrayContaining(steps[verb.name]!.map(({ title }) => beginningOf(title))),
      );
  });
});
