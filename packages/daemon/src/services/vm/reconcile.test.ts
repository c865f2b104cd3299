import { BangerError } from '@banger/contract/error';
import { FakeClock } from '@banger/testkit/fake-clock';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { VmmDriver } from '../../drivers/vmm/driver.ts';
import { FakeHost, until } from './fake-host.suite.ts';
import { reconcile } from './reconcile.ts';

const never = new AbortController().signal;
/** After this much time a VMM that did not answer is tried again. */
const LATER_MS = 5_000;

let clock: FakeClock;
let host: FakeHost;
beforeEach(async () => {
  clock = new FakeClock(Date.now());
  host = await FakeHost.make(clock);
});
afterEach(() => host.close());

test('a VM whose VMM did not answer at first is left to the calls that came before the next try', async () => {
  const { id } = await host.vms.create(host.spec('box'), { start: true, waitInit: false }, never);
  await host.succeed();
  const answers = host.deps.vmm;
  let attaches = 0;
  const attach: VmmDriver['attach'] = async (handle) => {
    attaches += 1;
    if (attaches > 1) return answers.attach(handle);
    throw new BangerError('vmm_failed', 'It does not answer.');
  };
  const vmm = new Proxy(answers, {
    get: (_, key) => (key === 'attach' ? attach : Reflect.get(answers, key)),
  });
  await reconcile({ ...host.deps, vmm });
  expect(host.deps.vms.get(id)).toMatchObject({ state: 'running', phase: 'attach' });

  const turn = Promise.withResolvers<void>();
  void host.deps.locks.hold(id, {}, () => turn.promise);
  const calls = [host.vms.stop('box', true, never), host.vms.start('box', false, never)];
  await clock.advance(LATER_MS);
  turn.resolve();
  await Promise.all(calls);
  const live = host.deps.live.get(id);
  await until(() => !host.deps.locks.isBusy(id));

  expect(attaches).toBe(1);
  expect(host.deps.live.get(id)).toBe(live);
  expect(host.deps.vms.get(id)).toMatchObject({ state: 'running', phase: '' });
});

describe('a restart that was cut off by the end of its daemon', () => {
  const cutOff = async (): Promise<string> => {
    const { id } = await host.vms.create(host.spec('box'), { start: true, waitInit: false }, never);
    const reached = Promise.withResolvers<void>();
    host.onCall = (call) => {
      if (call === 'network') reached.resolve();
      return call === 'network' ? new Promise<void>(() => undefined) : undefined;
    };
    const restart = host.life.run(() => host.vms.restart('box', false, never));
    restart.catch(() => undefined);
    await reached.promise;
    await host.succeed();
    return id;
  };

  test('ends with the VM running, and is over then', async () => {
    const id = await cutOff();
    host.onCall = () => undefined;
    await host.recover();
    await until(() => host.deps.vms.get(id).state === 'running');
    expect(host.deps.vms.get(id).startAgain).toBe(false);
  });

  test('is called off by who stops the VM', async () => {
    const id = await cutOff();
    await host.recover();
    expect(await host.vms.stop('box', false, never)).toMatchObject({ state: 'stopped' });
    host.onCall = () => undefined;
    await host.restart();
    await until(() => !host.deps.locks.isBusy(id));
    expect(host.deps.vms.get(id)).toMatchObject({ state: 'stopped', startAgain: false });
  });

  test('is tried once: a start that fails says so', async () => {
    const id = await cutOff();
    host.onCall = (call) => {
      if (call === 'network') throw new BangerError('network_failed', 'Not today.');
    };
    await host.recover();
    await until(() => host.deps.vms.get(id).state === 'error');
    expect(host.deps.vms.get(id)).toMatchObject({ phase: 'network', startAgain: false });
  });
});
