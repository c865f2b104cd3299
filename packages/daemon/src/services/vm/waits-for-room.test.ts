import { BangerError } from '@banger/contract/error';
import { FakeClock } from '@banger/testkit/fake-clock';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeHost, until } from './fake-host.suite.ts';

const never = new AbortController().signal;
/** Longer than the pause between two tries, be it of room or of a VMM. */
const LATER_MS = 6_000;

let clock: FakeClock;
let host: FakeHost;
beforeEach(async () => {
  clock = new FakeClock(Date.now());
  host = await FakeHost.make(clock);
});
afterEach(() => host.close());

/** A VM whose guest stands still, as its row says. */
async function paused(): Promise<{ readonly id: string; readonly pid: number }> {
  const { id, runtime } = await host.vms.create(host.spec('box'), { start: true, waitInit: false }, never);
  const pid = runtime?.pid ?? 0;
  host.world.fillDisk(pid, 'work');
  await until(() => host.deps.vms.get(id).state === 'paused');
  return { id, pid };
}

/** Lets time pass until it has come to that. */
async function inTime(check: () => boolean): Promise<void> {
  const passing = setInterval(() => void clock.advance(LATER_MS), 20);
  await until(check).finally(() => clearInterval(passing));
}

test('a VM whose daemon was killed after its guest went on, and before its row said so, runs', async () => {
  const { id, pid } = await paused();
  await host.succeed();
  const process = host.world.find(pid);
  if (process !== undefined) process.status = 'running';
  await host.recover();
  await inTime(() => host.deps.vms.get(id).state === 'running');
  expect(host.deps.vms.get(id)).toMatchObject({ phase: '', reason: '', hint: '' });
});

test('a VM that waits for room says so also when its VMM does not answer a new daemon at once', async () => {
  const { id } = await paused();
  const { reason, hint } = host.deps.vms.get(id);
  await host.succeed();
  const attach = host.deps.vmm.attach.bind(host.deps.vmm);
  let attaches = 0;
  host.deps.vmm.attach = async (handle) => {
    attaches += 1;
    if (attaches > 1) return attach(handle);
    throw new BangerError('vmm_failed', 'It does not answer.');
  };
  await host.recover();
  expect(host.deps.vms.get(id)).toMatchObject({ state: 'paused', reason, hint });
  await inTime(() => host.deps.live.has(id));
  expect(host.deps.vms.get(id)).toMatchObject({ reason, hint, phase: '' });
  await inTime(() => host.deps.vms.get(id).state === 'running');
});
