import type { VmView } from '@banger/contract/vm';
import { FakeClock } from '@banger/testkit/fake-clock';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeHost } from './fake-host.suite.ts';
import { clockAfterConfigure } from './guest-clock.ts';
import { checkHealth } from './health.ts';

const never = new AbortController().signal;

let clock: FakeClock;
let host: FakeHost;
/** What the agent waits for before it tells the time. */
let thaw: () => void;
let frozen: Promise<void> | undefined;
let questions: number;

beforeEach(async () => {
  clock = new FakeClock();
  host = await FakeHost.make(clock);
  questions = 0;
  frozen = undefined;
  host.guestOptions = {
    onClock: async () => {
      questions += 1;
      await frozen;
    },
  };
  await host.vms.create(host.spec('box'), { start: true, waitInit: false }, never);
  // Longer than what its start has told of its clock is trusted.
  await clock.advance(1_000);
});
afterEach(async () => {
  thaw?.();
  await host.close();
});

function freeze(): void {
  const { promise, resolve } = Promise.withResolvers<void>();
  frozen = promise;
  thaw = () => {
    frozen = undefined;
    resolve();
  };
}

const show = (): Promise<VmView> => host.vms.show('box');
const offset = (): number => host.guest?.state.clockOffset ?? NaN;

async function run(vm = 'box'): Promise<unknown> {
  const exec = await host.vms.exec({ vm, argv: ['true'], env: [] }, never);
  for (const stream of [exec.stdout, exec.stderr]) stream.resume();
  return exec.exit;
}

/** Lets time pass while a health check waits. */
async function passed<T>(work: Promise<T>, ms: number): Promise<T> {
  await expect.poll(() => questions).toBeGreaterThan(0);
  await clock.advance(ms);
  return work;
}

describe('the health of a running VM', () => {
  test('an agent that does not answer is silent after the patience, with what the console shows', async () => {
    freeze();
    await passed(checkHealth(host.deps), 9_999 + 1);
    expect(await show()).toMatchObject({
      state: 'running',
      runtime: {
        agent: 'silent',
        agentSince: new Date(clock.now()).toISOString(),
        agentReason: 'It has not answered for 10 s.\nLast lines of the console:\n  The kernel boots.',
      },
    });
  });

  test('it is asked one thing at a time, and a late answer counts', async () => {
    freeze();
    await passed(checkHealth(host.deps), 10_000);
    const since = (await show()).runtime?.agentSince;
    await passed(checkHealth(host.deps), 10_000);
    expect(questions).toBe(1);
    expect((await show()).runtime).toMatchObject({ agent: 'silent', agentSince: since });
    thaw();
    await expect.poll(async () => (await show()).runtime?.agent).toBe('ready');
    expect((await show()).runtime?.agentReason).toBe('');
  });

  test('one that is slow is not called silent', async () => {
    freeze();
    const checked = passed(checkHealth(host.deps), 9_000);
    await expect.poll(() => clock.monotonic()).toBeGreaterThanOrEqual(9_000);
    thaw();
    await checked;
    expect((await show()).runtime?.agent).toBe('ready');
  });

  test('only VMs that run are asked', async () => {
    await host.vms.stop('box', false, never);
    await checkHealth(host.deps);
    expect(questions).toBe(0);
  });

  test('an agent that has ended while its guest runs on ends what waits for it, and is silent', async () => {
    const exec = await host.vms.exec({ vm: 'box', argv: ['wait'], env: [] }, never);
    for (const stream of [exec.stdout, exec.stderr]) stream.on('error', () => undefined).resume();
    let failure: unknown;
    exec.exit.catch((error: unknown) => (failure = error));
    host.guest!.silent = true;
    host.world.loseAgent(host.world.running[0]!.pid);
    const told = async (): Promise<unknown> => {
      await clock.advance(1_000);
      return failure;
    };
    await expect
      .poll(told, { timeout: 5_000 })
      .toMatchObject({ code: 'agent_lost', hint: expect.stringContaining('vm restart box') as string });
    expect(await show()).toMatchObject({
      state: 'running',
      runtime: { agent: 'silent', agentReason: expect.stringMatching(/^The agent has ended/) as string },
    });
  });

  test('a channel that ends is silence at once, and its opening again is the end of it', async () => {
    host.guest!.silent = true;
    host.guest!.hangUp();
    await expect.poll(async () => (await show()).runtime?.agent).toBe('silent');
    expect((await show()).runtime?.agentReason).toMatch(/channel/);
    host.guest!.silent = false;
    const later = async (): Promise<string | undefined> => {
      await clock.advance(500);
      return (await show()).runtime?.agent;
    };
    await expect.poll(later, { timeout: 5_000 }).toBe('ready');
  });
});

describe("a guest's clock", () => {
  test('is right at the first command, and is not looked at for each', async () => {
    host.guest!.state.clockOffset = -33_000;
    expect(await run()).toEqual({ status: 0 });
    expect(offset()).toBe(0);
    const asked = questions;
    await run();
    expect(questions).toBe(asked);
    await clock.advance(1_000);
    host.guest!.state.clockOffset = -5_000;
    await run();
    expect(offset()).toBe(0);
  });

  test('was set by its start: a command right after it need not ask', async () => {
    await host.vms.create(host.spec('new'), { start: true, waitInit: false }, never);
    await run('new');
    expect(questions).toBe(0);
  });

  test('is asked for after a start that could not set it', async () => {
    host.guestOptions = { ...host.guestOptions, warnings: ['clock: Operation not permitted'] };
    await host.vms.create(host.spec('new'), { start: true, waitInit: false }, never);
    await run('new');
    expect(questions).toBeGreaterThan(0);
  });

  test('is asked for after a start whose answer took so long that it tells nothing', async () => {
    const told = { now: clock.now(), monotonic: clock.monotonic() };
    await clock.advance(150);
    expect(clockAfterConfigure({ clock }, told, [])).toBe(told);
    await clock.advance(1);
    expect(clockAfterConfigure({ clock }, told, [])).toBeUndefined();
  });

  test("follows the host's when that is set, or when the host has slept", async () => {
    await run();
    clock.setNow(clock.now() + 3_600_000);
    host.guest!.state.clockOffset = -3_600_000;
    await run();
    expect(offset()).toBe(0);
  });

  test('is left alone where it is right, as far as that matters', async () => {
    host.guest!.state.clockOffset = 200;
    await checkHealth(host.deps);
    expect(offset()).toBe(200);
  });

  test('is not set by an answer that took too long to tell anything', async () => {
    freeze();
    host.guest!.state.clockOffset = -1_500;
    const checked = passed(checkHealth(host.deps), 4_000);
    await expect.poll(() => clock.monotonic()).toBeGreaterThanOrEqual(4_000);
    const configured = host.guest!.state.configurations.length;
    expect(configured).toBe(1);
    thaw();
    await checked;
    // The second question was answered at once.
    expect(questions).toBe(3);
    expect(offset()).toBe(0);
  });

  test('a guest that lies about it is set right a few times and no more', async () => {
    host.guest!.state.setClock = () => undefined;
    host.guest!.state.clockOffset = 1e12;
    expect(await run()).toEqual({ status: 0 });
    expect(questions).toBe(4);
  });
});

describe('a command for a silent agent', () => {
  test('is refused with the reason and what the console shows', async () => {
    host.guest!.silent = true;
    host.guest!.hangUp();
    await expect.poll(async () => (await show()).runtime?.agent).toBe('silent');
    await expect(run()).rejects.toMatchObject({
      code: 'agent_not_ready',
      message: expect.stringMatching(
        /^The agent of box does not answer.*\n.*channel.*\nLast lines[^]*The kernel boots/,
      ),
    });
    await expect(host.vms.ping('box', 1, never)).rejects.toMatchObject({ code: 'agent_not_ready' });
    await expect(host.vms.ports('box', true, never)).rejects.toMatchObject({ code: 'agent_not_ready' });
  });

  test('is waited for, but not for long when its silence is known', async () => {
    freeze();
    const began = clock.monotonic();
    await expect(passed(run(), 30_000)).rejects.toMatchObject({ code: 'agent_not_ready' });
    let refusal = '';
    void run().catch((error: Error) => (refusal = error.message));
    const later = async (): Promise<string> => {
      await clock.advance(500);
      return refusal;
    };
    await expect.poll(later).toMatch(/It has not answered for 10 s\./);
    expect(clock.monotonic() - began).toBeLessThan(40_000);
  });

  test('ends when its caller gives it up', async () => {
    freeze();
    const abort = new AbortController();
    const asked = host.vms.exec({ vm: 'box', argv: ['true'], env: [] }, abort.signal);
    await expect.poll(() => questions).toBe(1);
    abort.abort();
    await expect(asked).rejects.toMatchObject({ code: 'cancelled' });
  });
});
