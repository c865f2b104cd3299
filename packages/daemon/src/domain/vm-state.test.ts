import { vmStateSchema } from '@banger/contract/vm';
import { expect, test } from 'vitest';
import { liveStates, mayGo } from './vm-state.ts';

const states = vmStateSchema.options;

test('every state can be left, and every state but the first can be reached', () => {
  for (const from of states) expect(states.some((to) => to !== from && mayGo(from, to))).toBe(true);
  for (const to of states.filter((state) => state !== 'creating')) {
    expect(states.some((from) => from !== to && mayGo(from, to))).toBe(true);
  }
  expect(states.filter((from) => from !== 'creating' && mayGo(from, 'creating'))).toEqual([]);
});

test('from every state a VM can come to rest', () => {
  for (const from of states) expect(mayGo(from, 'stopped') || mayGo(from, 'error')).toBe(true);
});

test('no VM runs without having been started', () => {
  expect(states.filter((from) => from !== 'running' && mayGo(from, 'running'))).toEqual([
    'starting',
    'paused',
    'stopping',
  ]);
  expect(liveStates.has('stopped')).toBe(false);
});
