import { BangerError } from '@banger/contract/error';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeHost } from './fake-host.suite.ts';

const never = new AbortController().signal;

let host: FakeHost;
beforeEach(async () => {
  host = await FakeHost.make();
  const { id } = await host.vms.create(host.spec('box'), { start: true, waitInit: false }, never);
  host.onCall = (call) => {
    if (call === 'removeNetwork') throw new BangerError('network_failed', 'It does not end.');
  };
  expect((await host.vms.delete('box')).leftOver).toEqual(['It does not end.']);
  host.onCall = () => undefined;
  expect(host.deps.vms.get(id)).toMatchObject({ state: 'error', phase: 'delete' });
});
afterEach(() => host.close());

test.each<[string, () => Promise<unknown>]>([
  ['start', () => host.vms.start('box', false, never)],
  ['stop', () => host.vms.stop('box', false, never)],
  ['stop --force', () => host.vms.stop('box', true, never)],
  ['restart', () => host.vms.restart('box', false, never)],
  ['reset', () => host.vms.reset('box', false, never)],
  ['set', () => host.vms.set('box', { vcpu: 2 }, never)],
  ['protect', () => host.vms.protect('box', true, never)],
])('%s does nothing with a VM of which some is gone: it stays one that is being deleted', async (_, call) => {
  const before = host.deps.vms.list();
  await expect(call()).rejects.toMatchObject({
    code: 'vm_state',
    hint: expect.stringContaining('banger vm delete box') as string,
  });
  expect(host.deps.vms.list()).toEqual(before);
});

test.each<[string, () => Promise<unknown>]>([
  ['delete', () => host.vms.delete('box')],
  ['prune', () => host.vms.prune('box', never)],
  ['the next daemon', () => host.restart()],
])('%s deletes the rest', async (_, call) => {
  await call();
  expect(host.deps.vms.list()).toEqual([]);
  expect(host.ledger).toEqual([]);
});
