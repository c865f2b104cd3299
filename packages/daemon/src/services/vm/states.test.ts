import { afterEach, beforeEach, expect, expectTypeOf, test } from 'vitest';
import type { VmState } from '@banger/contract/vm';
import type { VmDeps } from './deps.ts';
import { FakeHost } from './fake-host.suite.ts';
import type { VmStates } from './states.ts';

let host: FakeHost;
let id: string;
beforeEach(async () => {
  host = await FakeHost.make();
  const made = { start: false, waitInit: false };
  ({ id } = await host.vms.create(host.spec('box'), made, new AbortController().signal));
});
afterEach(() => host.close());

test('a move that the state machine does not have is refused, and changes nothing', () => {
  const before = host.deps.vms.get(id);
  for (const to of ['running', 'paused', 'stopping'] as const)
    expect(() => host.deps.states.go(id, to)).toThrow(`A VM cannot go from stopped to ${to}.`);
  expect(host.deps.vms.get(id)).toEqual(before);
});

test('to stay takes another reason, and loses the one of before', () => {
  host.deps.states.stay(id, { phase: 'attach', reason: 'It is silent.' });
  expect(host.deps.vms.get(id)).toMatchObject({ state: 'stopped', phase: 'attach', reason: 'It is silent.' });
  host.deps.states.stay(id, {});
  expect(host.deps.vms.get(id)).toMatchObject({ state: 'stopped', phase: '', reason: '' });
});

test('nothing else changes a state, by type', () => {
  type Change = Parameters<VmDeps['vms']['update']>[1];
  expectTypeOf<keyof Change & ('state' | 'phase' | 'reason' | 'hint' | 'stateSince')>().toBeNever();
  expectTypeOf<VmDeps['vms']>().not.toHaveProperty('move');
  expectTypeOf<Parameters<VmStates['go']>[1]>().toEqualTypeOf<Exclude<VmState, 'creating'>>();
});
