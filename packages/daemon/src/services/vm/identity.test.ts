import { afterEach, beforeEach, expect, test } from 'vitest';
import type { VmView } from '@banger/contract/vm';
import type { FakeVmmProcess } from '../../drivers/vmm/fake/fake-vmm-world.ts';
import { FakeHost } from './fake-host.suite.ts';

/** A process is known by pid, start time and the host's boot. One that only has a pid of ours is a stranger, and is left alone. */

const never = new AbortController().signal;

let host: FakeHost;
let box: VmView;
let before: FakeVmmProcess;
beforeEach(async () => {
  host = await FakeHost.make();
  box = await host.vms.create(host.spec('box'), { start: true, waitInit: false }, never);
  const [process] = host.world.running;
  if (process === undefined) throw new Error('nothing runs');
  before = process;
});
afterEach(() => host.close());

/** A process of somebody else. */
function stranger(pid: number): FakeVmmProcess {
  const spec = { ...before.spec, id: 'stranger', token: 'another', disks: [] };
  return host.world.start(spec, pid);
}

/** Whatever is done with the VM, the stranger runs on; the VM is stopped, and can be used as any other. */
async function expectLeftAlone(other: FakeVmmProcess): Promise<void> {
  await host.restart();
  expect(host.deps.vms.get(box.id)).toMatchObject({
    state: 'stopped',
    reason: expect.stringMatching(/no daemon saw/),
  });
  expect(host.ledger).toEqual(['directory']);
  await host.vms.stop('box', true, never);
  await expect(host.vms.kill('box', 'KILL', never)).rejects.toMatchObject({ code: 'vm_not_running' });
  await host.vms.start('box', false, never);
  await host.vms.delete('box');
  expect(host.world.running).toEqual([other]);
  expect(host.deps.vms.list()).toEqual([]);
}

test('after a reboot of the host, not even the same pid and start time are taken for a VMM', async () => {
  await host.reboot();
  const other = stranger(before.pid);
  expect(other).toMatchObject({ pid: before.pid, startTicks: before.startTicks });
  await expectLeftAlone(other);
});

test('a pid that was given to another process is not taken for a VMM', async () => {
  host.life.kill();
  host.world.die(before.pid, 'SIGKILL');
  await expectLeftAlone(stranger(before.pid));
});
