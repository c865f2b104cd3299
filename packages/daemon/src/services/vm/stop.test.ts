import type { VmView } from '@banger/contract/vm';
import { FakeClock } from '@banger/testkit/fake-clock';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { VmDeps } from './deps.ts';
import { FakeHost, until } from './fake-host.suite.ts';
import { reconcile } from './reconcile.ts';
import { stopHeld } from './stop.ts';

const never = new AbortController().signal;
const SECOND_MS = 1_000;

let clock: FakeClock;
let host: FakeHost;
beforeEach(async () => {
  clock = new FakeClock(Date.now());
  host = await FakeHost.make(clock);
});
afterEach(() => host.close());

const create = (): Promise<VmView> =>
  host.vms.create(host.spec('box'), { start: true, waitInit: false }, never);

function pid(): number {
  const [process] = host.world.running;
  if (process === undefined) throw new Error('no VMM');
  return process.pid;
}

/** What it comes to, while as much time passes as it takes. */
async function passes<T>(work: Promise<T>): Promise<T> {
  let isOver = false;
  const result = work.finally(() => (isOver = true));
  result.catch(() => undefined);
  for (let second = 0; second < 10 * 60 && !isOver; second += 1) {
    await clock.advance(SECOND_MS);
    // The guest answers on a real socket.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return result;
}

const fill = (): void => host.world.fillDisk(pid(), 'root');
const state = (id: string): string => host.deps.vms.get(id).state;

describe('a stop during which the host has no more room', () => {
  const fillAndStand = (): Promise<void> => {
    fill();
    return new Promise(() => undefined);
  };
  const moments: [string, FakeHost['guestOptions']][] = [
    ['it syncs', { onSync: fillAndStand }],
    ['it powers off', { onShutdown: fill }],
  ];
  const verbs: [string, () => Promise<unknown>][] = [
    ['stop', () => host.vms.stop('box', false, never)],
    ['restart', () => host.vms.restart('box', false, never)],
    ['reset', () => host.vms.reset('box', false, never)],
    [
      'automatic stop',
      () => {
        const { id } = host.deps.vms.list()[0]!;
        const options = { force: false, automatic: true };
        return host.deps.locks.hold(id, {}, () => stopHeld(host.deps, id, options));
      },
    ],
  ];
  for (const [when, guest] of moments)
    test.each(verbs)(
      `while ${when} is refused, and the guest goes on when there is room: %s`,
      async (_verb, ask) => {
        host.guestOptions = guest;
        const { id } = await create();
        const vmm = pid();
        const refused = passes(ask());
        await expect(refused).rejects.toMatchObject({
          code: 'vm_state',
          message: expect.stringMatching(/waits for room/),
          hint: expect.stringMatching(/--force/),
        });
        await until(() => state(id) === 'paused');
        expect(host.deps.vms.get(id)).toMatchObject({
          reason: expect.stringMatching(/disk of the host is full/),
          startAgain: false,
        });
        expect(host.world.find(vmm)?.end).toBeUndefined();
        // There is room, and the guest goes on with what was asked of it.
        const stopped = passes(until(() => state(id) === 'stopped'));
        await passes(until(() => host.world.find(vmm)?.status === 'running'));
        host.world.powerOff(vmm);
        await stopped;
        expect(host.deps.vms.get(id).reason).toBe('The guest powered off.');
      },
    );

  test('and whose daemon is killed is not ended by the next one either', async () => {
    host.guestOptions = { onShutdown: fill };
    const { id } = await create();
    const vmm = pid();
    host.deps.states.go(id, 'stopping');
    fill();
    await host.restart();
    await until(() => state(id) === 'paused');
    expect(host.world.find(vmm)?.end).toBeUndefined();
  });
});

describe('a guest that is asked to end', () => {
  test('has the time to write what it holds, though its agent says nothing on its way down', async () => {
    let unwrittenMs = 100 * SECOND_MS;
    const write = async (): Promise<void> => {
      await clock.sleep(unwrittenMs);
      unwrittenMs = 0;
    };
    host.guestOptions = {
      onSync: write,
      onShutdown: () => void write().then(() => host.world.powerOff(pid())),
    };
    await create();
    const result = await passes(host.vms.stop('box', false, never));
    expect(result).toMatchObject({ state: 'stopped', reason: '' });
  });

  test('and does not hear is ended, and the reason names what was asked and shows the console', async () => {
    await create();
    if (host.guest !== undefined) host.guest.deaf = true;
    const result = await passes(host.vms.stop('box', false, never));
    expect(result).toMatchObject({
      state: 'stopped',
      reason: expect.stringMatching(
        /its agent did not answer within 10 s[^]*may be lost[^]*The kernel boots/,
      ),
    });
  });

  test('and was on its way to a reboot is asked again when it has booted, and loses nothing', async () => {
    const asked: number[] = [];
    host.guestOptions = {
      onShutdown: () => {
        asked.push(clock.monotonic());
        if (asked.length > 1) {
          host.world.powerOff(pid());
          return;
        }
        host.guest?.reboot();
        host.world.reboot(pid());
      },
    };
    await create();
    const result = await passes(host.vms.stop('box', false, never));
    expect(result).toMatchObject({ state: 'stopped', reason: '' });
    // Politely both times.
    expect(host.guest?.state.requests.filter((request) => request.startsWith('shutdown'))).toEqual([
      'shutdown 1',
      'shutdown 1',
    ]);
    const [first = 0, second = 0] = asked;
    expect(asked).toHaveLength(2);
    expect(second - first).toBeLessThan(15 * SECOND_MS);
  });

  test.each<[string, 'onSync' | 'onShutdown']>([
    ['syncs', 'onSync'],
    ['is asked to power off', 'onShutdown'],
  ])('and whose channel breaks while it %s is asked again over the next one', async (_when, at) => {
    let broken = false;
    const breakOnce = (): boolean => {
      if (broken) return false;
      broken = true;
      for (const live of host.deps.live.values()) live.session?.close();
      return true;
    };
    host.guestOptions = {
      ...(at === 'onSync' && { onSync: async () => void breakOnce() }),
      onShutdown: () => {
        if (at === 'onSync' || !breakOnce()) host.world.powerOff(pid());
      },
    };
    await create();
    expect(await passes(host.vms.stop('box', false, never))).toMatchObject({ state: 'stopped', reason: '' });
  });

  test('and boots again whatever it is asked is ended', async () => {
    let asked = 0;
    host.guestOptions = {
      onShutdown: () => {
        asked += 1;
        host.guest?.reboot();
        host.world.reboot(pid());
      },
    };
    await create();
    const result = await passes(host.vms.stop('box', false, never));
    expect(asked).toBeLessThanOrEqual(4);
    expect(result).toMatchObject({
      state: 'stopped',
      reason: expect.stringMatching(/did not power off[^]*may be lost/),
    });
  });

  test('and does not do it is ended, and the reason says how long it was waited for', async () => {
    host.guestOptions = { onShutdown: () => undefined };
    await create();
    const result = await passes(host.vms.stop('box', false, never));
    expect(result.reason).toMatch(/it did not end after power-off-at-once within 15 s/);
  });
});

describe('a stop whose guest does not follow', () => {
  const calls: [string, () => Promise<unknown>][] = [
    ['stop by force', () => host.vms.stop('box', true, never)],
    ['kill', () => host.vms.kill('box', 'SIGKILL', never)],
    ['deletion', () => host.vms.delete('box')],
  ];
  test.each(calls)('does not go on asking when a %s is behind it', async (_what, call) => {
    host.guestOptions = { onShutdown: () => undefined };
    await create();
    const stopping = host.vms.stop('box', false, never);
    await until(() => host.guest?.state.requests.includes('shutdown 1') === true);
    const forced = call();
    // No time passes.
    expect(await stopping).toMatchObject({
      state: 'stopped',
      reason: expect.stringMatching(/another call ended it by force/),
    });
    await forced.catch((error: unknown) => expect(error).toMatchObject({ code: 'vm_not_running' }));
    expect(host.world.running).toEqual([]);
  });
});

describe('a kill', () => {
  test.each([
    ['SIGTERM', 'It was killed with SIGTERM.'],
    ['SIGSTOP', 'It was killed with SIGKILL, as SIGSTOP did not end it.'],
  ] as const)('by %s names the signal that did it', async (signal, reason) => {
    await create();
    expect(await passes(host.vms.kill('box', signal, never))).toMatchObject({ state: 'stopped', reason });
  });
});

describe('a stop that a new daemon goes on with', () => {
  /** A daemon that finds a VM in the middle of a stop which its guest does not follow yet. */
  const goOn = async (): Promise<{ readonly id: string; readonly operations: string[] }> => {
    host.guestOptions = { onShutdown: () => undefined };
    const { id } = await create();
    host.deps.states.go(id, 'stopping');
    await host.succeed();
    const operations: string[] = [];
    const asOperation: VmDeps['asOperation'] = async (method, work) => {
      operations.push(method);
      return work();
    };
    await host.life.run(() => reconcile({ ...host.deps, asOperation }));
    await until(() => host.guest?.state.requests.includes('shutdown 1') === true);
    return { id, operations };
  };

  test('is work of the daemon', async () => {
    expect((await goOn()).operations).toEqual(['vm.stop']);
  });

  test('and that this daemon does not live to end either, does not end the guest by force', async () => {
    const { id } = await goOn();
    const vmm = pid();
    const live = host.deps.live.get(id);
    // As a daemon that ends lets go of it.
    live?.released.abort();
    live?.session?.close();
    live?.vmm.release();
    await passes(until(() => !host.deps.locks.isBusy(id)));
    expect(host.world.find(vmm)?.end).toBeUndefined();
    expect(host.deps.vms.get(id)).toMatchObject({ state: 'stopping' });
  });
});
