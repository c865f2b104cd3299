import { vmStateSchema, type VmState } from '@banger/contract/vm';
import { expect, expectTypeOf, test } from 'vitest';
import { liveStates, mayGo, type StateAhead } from './vm-state.ts';

const states = vmStateSchema.options;

/** The whole table, in words of its own: who changes a move changes it here too, and says so. */
const moves: Readonly<Record<VmState, readonly VmState[]>> = {
  creating: ['stopped', 'starting', 'error'],
  stopped: ['starting', 'error'],
  starting: ['running', 'stopping', 'stopped', 'error'],
  running: ['paused', 'stopping', 'stopped', 'error'],
  paused: ['running', 'stopping', 'stopped', 'error'],
  stopping: ['running', 'stopped', 'error'],
  error: ['starting', 'stopping', 'stopped'],
};

test.each(states)('from %s a VM may go there, or stay, and nowhere else', (from) => {
  expect(states.filter((to) => mayGo(from, to)).toSorted()).toEqual([from, ...moves[from]].toSorted());
});

test('no state leads back to a creation, by type as well', () => {
  expect(states.filter((from) => from !== 'creating' && mayGo(from, 'creating'))).toEqual([]);
  expectTypeOf<StateAhead>().toEqualTypeOf<Exclude<VmState, 'creating'>>();
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
