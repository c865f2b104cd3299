import { existsSync } from 'node:fs';
import { BangerError } from '@banger/contract/error';
import type { VmState, VmView } from '@banger/contract/vm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeHost, until } from './fake-host.suite.ts';

const never = new AbortController().signal;

let host: FakeHost;
beforeEach(async () => {
  host = await FakeHost.make();
});
afterEach(() => host.close());

const create = (start: boolean): Promise<VmView> =>
  host.vms.create(host.spec('box'), { start, waitInit: false }, never);

/** The state of a VM cannot be written down, so many times. */
function noRoomFor(state: VmState, times = 1): void {
  const { states, vms } = host.deps;
  const [go, stay] = [states.go.bind(states), states.stay.bind(states)];
  let left = times;
  const refuse = (to: VmState): void => {
    if (to !== state || left === 0) return;
    left -= 1;
    throw new BangerError('disk_full', 'There is no room for the database.');
  };
  states.go = (id, to, ...rest) => {
    refuse(to);
    return go(id, to, ...rest);
  };
  states.stay = (id, why) => {
    refuse(vms.get(id).state);
    return stay(id, why);
  };
}

test('a start whose end cannot be written down is undone, so that the next one finds nothing in its way', async () => {
  const { id } = await create(false);
  noRoomFor('running');
  await expect(host.vms.start('box', false, never)).rejects.toMatchObject({ code: 'disk_full' });
  expect(host.deps.vms.get(id)).toMatchObject({
    state: 'error',
    reason: expect.stringContaining('no room'),
    steps: expect.arrayContaining([expect.objectContaining({ name: 'agent', outcome: 'done' })]),
  });
  expect([host.world.running, host.network.running, host.ledger]).toEqual([[], [], ['directory']]);
  expect(host.deps.live.size).toBe(0);
  expect(host.runtimeOwners).toEqual([]);
  expect(await host.vms.start('box', false, never)).toMatchObject({ state: 'running', reason: '' });
});

test('a creation whose end cannot be written down leaves nothing', async () => {
  noRoomFor('stopped');
  await expect(create(false)).rejects.toMatchObject({ code: 'disk_full' });
  expect(host.deps.vms.list()).toEqual([]);
  expect(host.ledger).toEqual([]);
  expect(existsSync(host.layout.vm('000000000001').directory)).toBe(false);
});

test('a VM that cannot be told to have failed keeps no daemon from starting', async () => {
  const { id, runtime } = await create(true);
  await host.succeed();
  host.world.die(runtime?.pid ?? 0, 'SIGKILL');
  noRoomFor('stopped');
  noRoomFor('error');
  await host.recover();
  expect(host.deps.vms.get(id).state).toBe('running');
  await host.restart();
  expect(host.deps.vms.get(id).state).toBe('stopped');
});

test('a VM that failed while its VMM is held is not started over it, but stopped as one that runs', async () => {
  const { id, runtime } = await create(true);
  host.deps.states.go(id, 'running', { phase: 'attach' });
  await host.succeed();
  noRoomFor('running');
  await host.recover();
  await until(() => host.deps.vms.get(id).state === 'error');
  await expect(host.vms.start('box', false, never)).rejects.toMatchObject({
    code: 'vm_state',
    hint: expect.stringContaining('banger vm stop box'),
  });
  expect(host.world.running.map(({ pid }) => pid)).toEqual([runtime?.pid]);
  expect(await host.vms.stop('box', false, never)).toMatchObject({ state: 'stopped', reason: '' });
  expect(await host.vms.start('box', false, never)).toMatchObject({ state: 'running' });
});
