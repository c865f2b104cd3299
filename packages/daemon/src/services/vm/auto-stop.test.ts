import { PassThrough } from 'node:stream';
import { buffer, text } from 'node:stream/consumers';
import { BangerError } from '@banger/contract/error';
import type { VmView } from '@banger/contract/vm';
import { FakeClock } from '@banger/testkit/fake-clock';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { autoStop } from './auto-stop.ts';
import { FakeHost, until } from './fake-host.suite.ts';

/** Short: for each two seconds of a VM's life its console is looked at. */
const MINUTE_MS = 60_000;
const SECOND_MS = 1_000;
/** What a VM says that was left running. */
const LEFT_RUNNING = expect.stringMatching(/^An automatic stop left it running: /) as string;
const never = new AbortController().signal;

let clock: FakeClock;
let host: FakeHost;
let box: VmView;
/** The agent answers no question. */
let deaf: boolean;
/** The guest says that it powers off, and does not. */
let stays: boolean;
/** One round of the chore, after this much time. */
let round: (ms: number) => Promise<void>;

/** A daemon with the limit of two minutes, and a chore of its own. */
function withLimit(autoStopStaleAfterMs = 2 * MINUTE_MS): void {
  const chore = autoStop({ ...host.deps, settings: { autoStopStaleAfterMs } });
  round = async (ms) => {
    await clock.advance(ms);
    await chore.run(never);
  };
}

/** Time passes until it has come to that. */
async function passes(done: () => Promise<boolean>): Promise<void> {
  for (let second = 0; second < 10 * 60 && !(await done()); second += 1) {
    await clock.advance(SECOND_MS);
    // The guest answers on a real socket.
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  expect(await done()).toBe(true);
}

/** One round after this much time, which takes as long as a guest is waited for. */
async function patientRound(ms: number): Promise<void> {
  let over = false;
  await clock.advance(ms);
  const running = round(0).finally(() => (over = true));
  await passes(async () => over);
  await running;
}

beforeEach(async () => {
  clock = new FakeClock(Date.now());
  host = await FakeHost.make(clock);
  deaf = stays = false;
  host.guestOptions = {
    onClock: async () => {
      while (deaf) await new Promise((resolve) => setTimeout(resolve, 1));
    },
    onShutdown: () => {
      const [process] = host.world.running;
      if (!stays && process !== undefined) host.world.powerOff(process.pid);
    },
  };
  box = await host.vms.create(host.spec('box'), { start: true, waitInit: false }, never);
  withLimit();
});
afterEach(() => host.close());

const seen = (): Promise<VmView> => host.vms.show('box');
const lastUse = async (): Promise<number> => clock.now() - Date.parse((await seen()).lastUsedAt);

describe('a VM that nobody uses', () => {
  test('is stopped as by a stop, once its time is over, with the reason', async () => {
    await round(2 * MINUTE_MS - 1);
    expect(await seen()).toMatchObject({ state: 'running' });
    await round(1);
    expect(await seen()).toMatchObject({
      state: 'stopped',
      reason: 'unused for 2 min: stopped by auto_stop_stale_after',
    });
    expect(host.world.running).toEqual([]);
    expect(host.ledger).toEqual(['directory']);
  });

  test('is stopped also while a full disk takes no time of last use, which is written when there is room', async () => {
    const write = host.deps.vms.setLastUses.bind(host.deps.vms);
    host.deps.vms.setLastUses = () => {
      throw new BangerError('disk_full', 'No room.');
    };
    await round(2 * MINUTE_MS);
    expect(await seen()).toMatchObject({ state: 'stopped' });
    host.deps.uses.touch(box.id);
    await round(0);
    host.deps.vms.setLastUses = write;
    await round(0);
    expect(host.deps.vms.get(box.id).lastUsedAt).toBe(clock.now());
  });

  test('runs on where nobody asked for that', async () => {
    const chore = autoStop(host.deps);
    await clock.advance(10 * MINUTE_MS);
    await chore.run(never);
    expect(await seen()).toMatchObject({ state: 'running' });
  });

  test('is not used by who only looks at it', async () => {
    await round(MINUTE_MS);
    await host.vms.list();
    await text(host.vms.logs('box', { follow: false }, never));
    expect(await lastUse()).toBe(MINUTE_MS);
    await round(MINUTE_MS);
    expect(await seen()).toMatchObject({ state: 'stopped' });
  });

  test('whose agent is gone runs on: it could only be ended by force', async () => {
    host.guest?.close();
    while (host.deps.live.get((await seen()).id)?.session !== undefined)
      await new Promise((resolve) => setTimeout(resolve, 1));
    await round(2 * MINUTE_MS);
    expect((await seen()).state).toBe('running');
  });

  test('whose agent is deaf runs on, and says so once', async () => {
    deaf = true;
    await patientRound(2 * MINUTE_MS);
    await patientRound(MINUTE_MS);
    expect(await seen()).toMatchObject({ state: 'running', reason: '', warnings: [LEFT_RUNNING] });
    expect(host.calls).not.toContain('removeVmm');
    expect(host.guest?.state.requests).toEqual([]);
    deaf = false;
    await until(() => host.deps.live.get(box.id)?.agent.state === 'ready');
    await patientRound(2 * MINUTE_MS);
    expect(await seen()).toMatchObject({ state: 'stopped' });
  });

  test('whose guest says that it powers off and does not runs on, and is asked again after as long', async () => {
    stays = true;
    await patientRound(2 * MINUTE_MS);
    expect(await seen()).toMatchObject({ state: 'running', reason: '', warnings: [LEFT_RUNNING] });
    const asked = ['sync', 'shutdown 1', 'shutdown 3'];
    expect(host.guest?.state.requests).toEqual(asked);
    await patientRound(0);
    expect(host.guest?.state.requests).toEqual(asked);
    await patientRound(2 * MINUTE_MS);
    expect(host.guest?.state.requests).toEqual([...asked, ...asked]);
    expect(await seen()).toMatchObject({ state: 'running', warnings: [LEFT_RUNNING] });
    expect(host.calls).not.toContain('removeVmm');
  });

  test('is not ended by force by the daemon that goes on with its stop either', async () => {
    stays = true;
    await clock.advance(2 * MINUTE_MS);
    const chore = autoStop({ ...host.deps, settings: { autoStopStaleAfterMs: 2 * MINUTE_MS } });
    void chore.run(never);
    await until(() => host.deps.vms.get(box.id).state === 'stopping');
    await host.restart();
    await passes(async () => (await seen()).state !== 'stopping');
    expect(await seen()).toMatchObject({ state: 'running', reason: '', warnings: [LEFT_RUNNING] });
    expect(host.world.running).toHaveLength(1);
  });

  test('is stopped for the same reason by the daemon that goes on with its stop', async () => {
    stays = true;
    await clock.advance(2 * MINUTE_MS);
    const chore = autoStop({ ...host.deps, settings: { autoStopStaleAfterMs: 2 * MINUTE_MS } });
    void chore.run(never);
    await until(() => host.deps.vms.get(box.id).state === 'stopping');
    stays = false;
    await host.restart();
    await until(() => host.deps.vms.get(box.id).state === 'stopped');
    expect(await seen()).toMatchObject({ reason: 'unused for 2 min: stopped by auto_stop_stale_after' });
  });

  test('is stopped for the same reason when it has powered off before a daemon could go on with its stop', async () => {
    stays = true;
    await clock.advance(2 * MINUTE_MS);
    const chore = autoStop({ ...host.deps, settings: { autoStopStaleAfterMs: 2 * MINUTE_MS } });
    void chore.run(never);
    await until(() => host.deps.vms.get(box.id).state === 'stopping');
    await host.succeed();
    for (const { pid } of host.world.running) host.world.powerOff(pid);
    await host.recover();
    await until(() => host.deps.vms.get(box.id).state === 'stopped');
    expect(await seen()).toMatchObject({ reason: 'unused for 2 min: stopped by auto_stop_stale_after' });
  });
});

describe('a use', () => {
  test('by a command lasts as long as it, and counts from its end', async () => {
    const exec = await host.vms.exec({ vm: 'box', argv: ['wait'], env: [] }, never);
    for (const stream of [exec.stdout, exec.stderr]) stream.on('error', () => undefined).resume();
    await round(5 * MINUTE_MS);
    expect(await seen()).toMatchObject({ state: 'running' });
    expect(await lastUse()).toBe(0);
    exec.abort();
    await exec.exit.catch(() => undefined);
    await round(2 * MINUTE_MS - 1);
    expect(await seen()).toMatchObject({ state: 'running' });
    await round(1);
    expect(await seen()).toMatchObject({ state: 'stopped' });
  });

  test('by a command that could not be started is one of a moment', async () => {
    await round(MINUTE_MS);
    await expect(host.vms.exec({ vm: 'box', argv: [''], env: [] }, never)).rejects.toThrow();
    expect(await lastUse()).toBe(0);
    await round(2 * MINUTE_MS);
    expect(await seen()).toMatchObject({ state: 'stopped' });
  });

  test('by who follows its console lasts until that is closed', async () => {
    const console = host.vms.logs('box', { follow: true }, never);
    await round(5 * MINUTE_MS);
    expect(await seen()).toMatchObject({ state: 'running' });
    console.destroy();
    await new Promise((resolve) => console.once('close', resolve));
    await round(2 * MINUTE_MS);
    expect(await seen()).toMatchObject({ state: 'stopped' });
  });

  test('by a copy lasts as long as it', async () => {
    const take = await host.vms.copyIn({ vm: 'box', path: '/root/f', into: false });
    const endless = new PassThrough();
    const caller = new AbortController();
    const copying = take(endless, caller.signal).catch(() => undefined);
    const { bytes } = await host.vms.copyOut({ vm: 'box', path: '/root', follow: false }, never);
    await round(5 * MINUTE_MS);
    expect(await lastUse()).toBe(0);
    caller.abort();
    await copying;
    endless.destroy();
    expect(host.deps.uses.isUsed(box.id)).toBe(true);
    await buffer(bytes);
    await new Promise((resolve) => setImmediate(resolve));
    expect(host.deps.uses.isUsed(box.id)).toBe(false);
  });

  test('by a start moves the time', async () => {
    await clock.advance(MINUTE_MS);
    await host.vms.stop('box', false, never);
    await host.vms.start('box', false, never);
    expect(await lastUse()).toBe(0);
  });

  test.each<[string, () => Promise<unknown>]>([
    ['a change', () => host.vms.set('box', { outbound: false }, never)],
    ['a protection', () => host.vms.protect('box', true, never)],
  ])('by %s moves the time', async (_what, use) => {
    await clock.advance(MINUTE_MS);
    await use();
    expect(await lastUse()).toBe(0);
  });

  test('that comes while the stop waits for the lock keeps the VM running', async () => {
    await clock.advance(2 * MINUTE_MS);
    const chore = autoStop({ ...host.deps, settings: { autoStopStaleAfterMs: MINUTE_MS } });
    const held = Promise.withResolvers<void>();
    // The chore asks for the lock only while it seems to be free.
    const isBusy = host.deps.locks.isBusy.bind(host.deps.locks);
    host.deps.locks.isBusy = () => false;
    const holder = host.deps.locks.hold(box.id, {}, () => held.promise);
    const running = chore.run(never);
    host.deps.locks.isBusy = isBusy;
    host.deps.uses.touch(box.id);
    held.resolve();
    await Promise.all([holder, running]);
    expect(await seen()).toMatchObject({ state: 'running' });
  });

  test('is known to the next daemon, but for the last minute when the daemon is killed', async () => {
    await clock.advance(MINUTE_MS);
    host.deps.uses.touch(box.id);
    await round(SECOND_MS);
    await clock.advance(MINUTE_MS);
    await host.restart();
    expect(await lastUse()).toBe(MINUTE_MS + SECOND_MS);
  });
});

test('while the host sleeps, or when its clock is set, nobody could use a VM: its time begins anew', async () => {
  await round(SECOND_MS);
  clock.setNow(clock.now() + 8 * 60 * MINUTE_MS);
  await round(SECOND_MS);
  expect(await seen()).toMatchObject({ state: 'running' });
  await round(2 * MINUTE_MS - 1);
  expect(await seen()).toMatchObject({ state: 'running' });
  await round(1);
  expect(await seen()).toMatchObject({ state: 'stopped' });
});

test('a clock that is set back makes no use one of the future, for this daemon or the next one', async () => {
  clock.setNow(clock.now() - 48 * 60 * MINUTE_MS);
  await round(SECOND_MS);
  expect(await seen()).toMatchObject({ state: 'running' });
  await host.restart();
  await until(() => !host.deps.locks.isBusy(box.id));
  withLimit();
  await round(2 * MINUTE_MS - 1);
  expect(await seen()).toMatchObject({ state: 'running' });
  await round(1);
  expect(await seen()).toMatchObject({ state: 'stopped' });
});

test('a clock that is slewed back a little makes no use one of long ago', async () => {
  await clock.advance(10 * MINUTE_MS);
  host.deps.uses.touch(box.id);
  clock.setNow(clock.now() - SECOND_MS);
  await round(0);
  expect(await seen()).toMatchObject({ state: 'running' });
});
