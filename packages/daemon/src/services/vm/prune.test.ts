import type { VmView } from '@banger/contract/vm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeHost, until } from './fake-host.suite.ts';

const never = new AbortController().signal;

let host: FakeHost;
beforeEach(async () => {
  host = await FakeHost.make();
});
afterEach(() => host.close());

const make = (name: string, start = false, gone?: AbortSignal): Promise<VmView> =>
  host.vms.create(
    host.spec(name),
    { start, waitInit: false, ...(gone === undefined ? {} : { until: gone }) },
    never,
  );
/** Holds the next start before its VMM until the returned function is called. */
function holdStart(): () => void {
  const { promise, resolve } = Promise.withResolvers<void>();
  host.onCall = (call) => (call === 'launch' ? promise : undefined);
  return resolve;
}
const names = (): string[] => host.deps.vms.list().map(({ spec }) => spec.name);

describe('a protected VM', () => {
  test('is not deleted, reset or pruned until it is unprotected', async () => {
    await make('box');
    expect(await host.vms.protect('box', true, never)).toMatchObject({ protected: true });
    for (const refused of [
      host.vms.delete('box'),
      host.vms.prune('box', never),
      host.vms.reset('box', false, never),
    ])
      await expect(refused).rejects.toMatchObject({
        code: 'vm_protected',
        hint: expect.stringContaining('banger vm unprotect box'),
      });
    await host.restart();
    await expect(host.vms.delete('box')).rejects.toMatchObject({ code: 'vm_protected' });
    expect(await host.vms.protect('box', false, never)).toMatchObject({ protected: false });
    await host.vms.delete('box');
    expect(names()).toEqual([]);
  });

  test('is still stopped, started, killed and changed', async () => {
    await make('box', true);
    await host.vms.protect('box', true, never);
    await host.vms.set('box', { outbound: false }, never);
    await host.vms.stop('box', false, never);
    await host.vms.start('box', false, never);
    expect(await host.vms.kill('box', 'SIGKILL', never)).toMatchObject({ state: 'stopped', protected: true });
  });

  test('has a call at work on it left alone by a delete that is refused', async () => {
    await make('box');
    await host.vms.protect('box', true, never);
    const letGo = holdStart();
    const starting = host.vms.start('box', false, never);
    await until(() => host.calls.includes('launch'));
    await expect(host.vms.delete('box')).rejects.toMatchObject({ code: 'vm_protected' });
    letGo();
    expect(await starting).toMatchObject({ state: 'running' });
  });

  test('is never one that goes by itself', async () => {
    const client = new AbortController();
    await make('brief', true, client.signal);
    await expect(host.vms.protect('brief', true, never)).rejects.toMatchObject({ code: 'vm_state' });
    client.abort();
    await until(() => names().length === 0);
    expect(host.ownOperations).toEqual(['vm.delete']);
  });
});

test('a VM that its client deletes before it goes is deleted once', async () => {
  const client = new AbortController();
  await make('brief', true, client.signal);
  await host.vms.delete('brief');
  client.abort();
  expect(host.ownOperations).toEqual([]);
});

describe('prune', () => {
  test('is for what was stopped, failed or was never started, and for nothing else', async () => {
    await make('never');
    await make('stopped', true);
    await host.vms.stop('stopped', false, never);
    const failed = await make('failed', true);
    host.world.die(failed.runtime?.pid ?? 0, 'SIGSEGV');
    await until(() => host.deps.vms.get(failed.id).state === 'error');
    const full = await make('paused', true);
    host.world.fillDisk(full.runtime?.pid ?? 0, 'work');
    await until(() => host.deps.vms.get(full.id).state === 'paused');
    await make('running', true);
    await make('brief', true, new AbortController().signal);
    await make('kept');
    await host.vms.protect('kept', true, never);

    const prunable = (await host.vms.prunable()).map(({ name }) => name);
    expect(prunable).toEqual(['never', 'stopped', 'failed']);
    for (const name of ['paused', 'running', 'brief', 'kept'])
      await expect(host.vms.prune(name, never)).rejects.toMatchObject({
        code: name === 'kept' ? 'vm_protected' : 'vm_state',
      });
    for (const name of prunable)
      expect(await host.vms.prune(name, never)).toMatchObject({ name, leftOver: [] });
    expect(names()).toEqual(['paused', 'running', 'brief', 'kept']);
  });

  test('takes no VM that somebody has begun to use meanwhile, nor cancels what he does', async () => {
    await make('box');
    expect(await host.vms.prunable()).toHaveLength(1);
    const letGo = holdStart();
    const starting = host.vms.start('box', false, never);
    await until(() => host.calls.includes('launch'));
    expect(await host.vms.prunable()).toEqual([]);
    await expect(host.vms.prune('box', never)).rejects.toMatchObject({ code: 'vm_state' });
    letGo();
    await starting;
    await expect(host.vms.prune('box', never)).rejects.toMatchObject({ code: 'vm_state' });
  });
});
