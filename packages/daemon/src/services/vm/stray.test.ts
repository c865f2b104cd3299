import { existsSync } from 'node:fs';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { VmSpec } from '../../drivers/vmm/driver.ts';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MIN_AGE_MS } from '../gc/collect.ts';
import { FakeHost } from './fake-host.suite.ts';

const never = new AbortController().signal;

let host: FakeHost;
beforeEach(async () => {
  host = await FakeHost.make();
});
afterEach(() => host.close());

/** What a newer state knew, in whose place an older one was put: another run of the VM than the one that this one has. */
function newerRun(id: string): number {
  const { console, vmmLog, runtime: dir, rootDisk: path } = host.layout.vm(id);
  const spec: VmSpec = {
    ...{ id, token: 'newer', dir, accel: 'tcg', vcpu: 1, memoryMib: 256 },
    ...{ kernel: '', initrd: '', cmdline: '', consoleLog: console, vmmLog },
    network: { kind: 'none' },
    disks: [{ serial: 'root', path, format: 'qcow2' }],
  };
  return host.world.start(spec).pid;
}

/** A VM that runs by what the state says, and does by a run that it does not know. */
async function ranOnce(): Promise<{ readonly id: string; readonly stray: number }> {
  const { id, runtime } = await host.vms.create(host.spec('box'), { start: true, waitInit: false }, never);
  await host.succeed();
  host.world.die(runtime?.pid ?? 0, 'SIGKILL');
  return { id, stray: newerRun(id) };
}

/** A VM that never ran by what the state says. */
async function neverRan(): Promise<{ readonly id: string; readonly stray: number }> {
  const { id } = await host.vms.create(host.spec('box'), { start: false, waitInit: false }, never);
  const { runtime, runtimeOwner } = host.layout.vm(id);
  await mkdir(runtime, { recursive: true });
  await symlink(host.layout.database, runtimeOwner);
  return { id, stray: newerRun(id) };
}

function expectUntouched(id: string, stray: number): void {
  expect(host.world.running.map(({ pid }) => pid)).toEqual([stray]);
  const { runtimeOwner, rootDisk, workDisk } = host.layout.vm(id);
  for (const path of [runtimeOwner, rootDisk, workDisk]) expect(existsSync(path), path).toBe(true);
}

describe('a VM whose VMM no row knows', () => {
  test('loses none of its sockets to a daemon that begins, and says which process it is', async () => {
    const { id, stray } = await ranOnce();
    await host.recover();
    expect(host.deps.vms.get(id)).toMatchObject({
      state: 'error',
      phase: 'reconcile',
      reason: expect.stringContaining(`process ${stray}`),
      hint: expect.stringContaining('banger gc'),
    });
    expectUntouched(id, stray);
    expect(existsSync(join(host.layout.vm(id).runtime, 'agent.sock'))).toBe(true);
    expect(host.network.running).toHaveLength(1);
  });

  test('is not deleted by a daemon that begins, though its row says that nobody waits for it', async () => {
    const { id, stray } = await ranOnce();
    host.deps.vms.update(id, { ephemeral: true });
    await host.recover();
    expect(host.deps.vms.get(id).state).toBe('error');
    expectUntouched(id, stray);
  });

  test.each([
    ['start', () => host.vms.start('box', false, never)],
    ['stop', () => host.vms.stop('box', false, never)],
    ['stop --force', () => host.vms.stop('box', true, never)],
    ['restart', () => host.vms.restart('box', false, never)],
    ['reset', () => host.vms.reset('box', false, never)],
  ])('keeps all that it has in a %s, which is refused', async (_call, call) => {
    for (const make of [neverRan, ranOnce]) {
      const { id, stray } = await make();
      await host.recover();
      await expect(call()).rejects.toMatchObject({
        code: 'vm_state',
        message: expect.stringContaining(`process ${stray}`),
      });
      expectUntouched(id, stray);
      expect((await host.gc(MIN_AGE_MS).run(false, never)).orphans[0]).toMatchObject({ kind: 'vmm', vm: id });
      expect(await host.vms.stop('box', false, never)).toMatchObject({ state: 'stopped' });
      expect(host.ledger).toEqual(['directory']);
      expect(await host.vms.start('box', false, never)).toMatchObject({ state: 'running', reason: '' });
      await host.vms.delete('box');
    }
  });
});
