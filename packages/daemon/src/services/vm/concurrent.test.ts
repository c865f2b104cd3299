import { existsSync, readdirSync } from 'node:fs';
import type { VmView } from '@banger/contract/vm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { GuestExec } from '../../drivers/guest/driver.ts';
import { FakeHost, type Call } from './fake-host.suite.ts';

const never = new AbortController().signal;
const started = { start: true, waitInit: false };

let host: FakeHost;
beforeEach(async () => {
  host = await FakeHost.make();
});
afterEach(() => host.close());

const create = (name: string, signal = never): Promise<VmView> =>
  host.vms.create(host.spec(name), started, signal);

/** Holds a driver's call: `reached` when it has come, until `release`. */
function holdAt(at: Call): { readonly reached: Promise<void>; readonly release: () => void } {
  const [reached, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  host.onCall = async (call) => {
    if (call !== at) return;
    reached.resolve();
    await released.promise;
  };
  return { reached: reached.promise, release: released.resolve };
}

/** A command in a guest, and what becomes of it. */
async function exec(name: string): Promise<{ readonly command: GuestExec; readonly exit: Promise<unknown> }> {
  const command = await host.vms.exec({ vm: 'box', argv: [name], env: [] }, never);
  for (const stream of [command.stdout, command.stderr]) stream.on('error', () => undefined);
  return { command, exit: command.exit.catch((error: unknown) => error) };
}

describe('nobody is told that a VM runs', () => {
  test.each([
    ['is being deleted', () => host.vms.delete('box')],
    ['has powered off, while the rest of it is removed', async (pid: number) => host.world.powerOff(pid)],
  ])('when it %s', async (_what, end) => {
    const { runtime } = await create('box');
    const { reached, release } = holdAt('removeNetwork');
    const ending = end(runtime?.pid ?? 0);
    await reached;
    expect(await host.vms.show('box')).toMatchObject({ state: 'stopping' });
    await expect(host.vms.exec({ vm: 'box', argv: ['true'], env: [] }, never)).rejects.toMatchObject({
      code: 'vm_not_running',
      message: 'box is stopping, not running.',
    });
    release();
    await ending;
  });
});

describe('calls on one VM', () => {
  test('a start of what is still being stopped is refused', async () => {
    const { id } = await create('box');
    host.deps.states.go(id, 'stopping');
    await expect(host.vms.start('box', false, never)).rejects.toMatchObject({
      code: 'vm_state',
      message: 'box is still being stopped.',
    });
  });

  test('a start of what runs changes nothing, and waits for its services where it is told to', async () => {
    const before = await create('box');
    const pids = host.world.running.map(({ pid }) => pid);
    for (const waitInit of [false, true])
      expect(await host.vms.start('box', waitInit, never)).toMatchObject({
        state: 'running',
        runtime: { startedAt: before.runtime?.startedAt, ...(waitInit && { init: 'ready' }) },
      });
    expect(host.world.running.map(({ pid }) => pid)).toEqual(pids);
  });

  test('of two starts at once one starts it, and both find it running', async () => {
    await host.vms.create(host.spec('box'), { start: false, waitInit: false }, never);
    const both = await Promise.all([1, 2].map(() => host.vms.start('box', false, never)));
    expect(both.map(({ state }) => state)).toEqual(['running', 'running']);
    expect(host.world.running).toHaveLength(1);
  });

  test('a kill of a VM that starts cancels that, and the VM is stopped as asked', async () => {
    await host.vms.create(host.spec('box'), { start: false, waitInit: false }, never);
    const { reached, release } = holdAt('network');
    const start = host.vms.start('box', false, never);
    start.catch(() => undefined);
    await reached;
    const killed = host.vms.kill('box', 'KILL', never);
    release();
    expect(await killed).toMatchObject({
      state: 'stopped',
      reason: expect.stringMatching(/^Its start was cancelled/),
    });
    await expect(start).rejects.toMatchObject({ code: 'cancelled' });
    await expect(host.vms.kill('box', 'KILL', never)).rejects.toMatchObject({ code: 'vm_not_running' });
  });

  test('two deletions both succeed, and name what they deleted', async () => {
    const { id } = await create('box');
    const both = await Promise.all([host.vms.delete('box'), host.vms.delete('box')]);
    expect(both).toEqual([1, 2].map(() => ({ id, name: 'box', leftOver: [] })));
  });

  test('a deletion that a daemon did not live to end is ended by the next one', async () => {
    await create('box');
    const { reached } = holdAt('removeNetwork');
    void host.vms.delete('box');
    await reached;
    host.onCall = () => undefined;
    await host.restart();
    expect(host.deps.vms.list()).toEqual([]);
    expect(host.ledger).toEqual([]);
  });

  test('a deletion cancels the start that waits behind a stop', async () => {
    await create('box');
    const { reached, release } = holdAt('removeNetwork');
    const stopping = host.vms.stop('box', true, never);
    await reached;
    const start = host.vms.start('box', false, never);
    const deletion = host.vms.delete('box');
    await expect(start).rejects.toMatchObject({ code: 'cancelled' });
    release();
    await Promise.all([stopping, deletion]);
    expect(host.calls.filter((call) => call === 'launch')).toHaveLength(1);
  });

  test('one that waits can be given up alone, at once', async () => {
    await create('box');
    const { reached, release } = holdAt('removeNetwork');
    const stopping = host.vms.stop('box', true, never);
    await reached;
    const caller = new AbortController();
    const start = host.vms.start('box', false, caller.signal);
    const later = host.vms.start('box', false, never);
    caller.abort();
    await expect(start).rejects.toMatchObject({ code: 'cancelled' });
    release();
    expect(await stopping).toMatchObject({ state: 'stopped' });
    expect(await later).toMatchObject({ state: 'running' });
  });

  test('one of those who wait for an image can be given up alone, by its caller or by a stop', async () => {
    const { reached, release } = holdAt('build');
    const caller = new AbortController();
    const [first, second, third] = [create('one', caller.signal), create('two'), create('three')];
    await reached;
    caller.abort();
    await expect(first).rejects.toMatchObject({ code: 'cancelled' });
    await expect(host.vms.stop('two', false, never)).rejects.toMatchObject({ code: 'vm_not_found' });
    await expect(second).rejects.toMatchObject({ code: 'cancelled' });
    release();
    expect(await third).toMatchObject({ state: 'running' });
    expect(host.deps.vms.list()).toHaveLength(1);
  });
});

describe('a command in a guest', () => {
  test.each(['stop', 'delete'] as const)(
    'that writes without end, read or not, does not hold up a %s',
    async (how) => {
      await create('box');
      const [read, unread] = [await exec('flood'), await exec('flood')];
      read.command.stdout.resume();
      read.command.stderr.resume();
      expect(
        await (how === 'stop' ? host.vms.stop('box', false, never) : host.vms.delete('box')),
      ).toMatchObject({
        name: 'box',
      });
      host.guest?.hangUp();
      expect(await read.exit).toMatchObject({ code: 'vmm_gone' });
      // What came before is there for who reads it after all.
      for (const stream of [unread.command.stdout, unread.command.stderr]) stream.resume();
      expect(await unread.exit).toMatchObject({ code: 'vmm_gone' });
    },
  );

  test('hears of its end when the VM restarts, and does not wait for the new boot', async () => {
    await create('box');
    const { exit } = await exec('wait');
    const { reached, release } = holdAt('launch');
    const restart = host.vms.restart('box', false, never);
    host.guest?.hangUp();
    expect(await exit).toMatchObject({ code: 'vmm_gone' });
    await reached;
    expect(host.world.running).toEqual([]);
    release();
    expect(await restart).toMatchObject({ state: 'running' });
  });
});

describe('creations at the same time', () => {
  test('of one name: one has it, and the others leave nothing', async () => {
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => create('box')));
    const lost = results.filter((result) => result.status === 'rejected');
    expect(lost.map(({ reason }) => (reason as { code: string }).code)).toEqual(Array(7).fill('name_taken'));
    expect(host.world.running).toHaveLength(1);
    expect(host.ledger).toHaveLength(4);
    expect(readdirSync(`${host.layout.paths.state}/vms`)).toHaveLength(1);
  });

  test('of different names share nothing', async () => {
    const names = Array.from({ length: 8 }, (_, index) => `box-${index}`);
    const views = await Promise.all(names.map((name) => create(name)));
    expect(views.map(({ name }) => name)).toEqual(names);
    const rows = host.deps.vms.list();
    const runtimes = rows.map(({ id }) => host.deps.runtimes.find(id));
    const processes = host.world.running;
    const owned: readonly (readonly unknown[])[] = [
      rows.map(({ id }) => id),
      rows.map(({ mac }) => mac),
      rows.map(({ machineId }) => machineId),
      runtimes.map((runtime) => runtime?.agentKey),
      runtimes.map((runtime) => runtime?.vmm.agentSocket),
      processes.map(({ pid }) => pid),
      processes.map(({ spec }) => spec.token),
      processes.map(({ spec }) => spec.dir),
      processes.map(({ spec }) => spec.network.kind === 'stream' && spec.network.socket),
      processes.map(({ spec }) => spec.consoleLog),
      processes.flatMap(({ spec }) => spec.disks.map(({ path }) => path)),
    ];
    for (const own of owned) {
      expect(own.length).toBeGreaterThanOrEqual(names.length);
      expect(new Set(own).size).toBe(own.length);
    }
    for (const { spec } of processes) for (const { path } of spec.disks) expect(existsSync(path)).toBe(true);
  });
});
