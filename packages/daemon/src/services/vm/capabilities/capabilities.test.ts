import { expect, test } from 'vitest';
import { createSteps } from '../create.ts';
import { startSteps } from '../start-steps.ts';

test('the steps of a creation and of a start have those of every capability, each in its place', () => {
  const names = (steps: readonly ({ readonly name: string } | readonly { readonly name: string }[])[]) =>
    steps.map((stage) => ('name' in stage ? stage.name : stage.map(({ name }) => name)));
  expect(names(createSteps)).toEqual(['image', 'directory', ['root-disk', 'work-disk']]);
  expect(names(startSteps)).toEqual([
    'runtime',
    ['preflight', 'accel'],
    ['vmm', 'network'],
    ['network-ready', 'agent'],
  ]);
});
