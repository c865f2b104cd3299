import { Writable } from 'node:stream';
import { BangerError } from '@banger/contract/error';
import type { VmView } from '@banger/contract/vm';
import pino from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeHost, until, type Call } from './fake-host.suite.ts';

const never = new AbortController().signal;
const stopSteps = ['sync', 'power-off', 'vmm', 'network', 'runtime'];

let host: FakeHost;
/** Lines of the daemon's log. */
let logged: Record<string, unknown>[];
beforeEach(async () => {
  logged = [];
  const write = (line: Buffer, _encoding: unknown, done: () => void): void => {
    logged.push(JSON.parse(line.toString()) as Record<string, unknown>);
    done();
  };
  host = await FakeHost.make(undefined, { log: pino({ level: 'info' }, new Writable({ write })) });
});
afterEach(() => host.close());

const create = (start = true): Promise<VmView> =>
  host.vms.create(host.spec('box'), { start, waitInit: false }, never);
const seen = async (): Promise<string[]> =>
  (await host.vms.show('box')).steps.map(({ name, outcome }) => `${name} ${outcome}`);
const done = (names: readonly string[]): string[] => names.map((name) => `${name} done`);

/** A driver's call that waits there until it is released. */
function holdAt(at: Call): { readonly reached: Promise<void>; release(): void } {
  const reached = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  host.onCall = (call) => {
    if (call !== at) return undefined;
    reached.resolve();
    return go.promise;
  };
  return { reached: reached.promise, release: go.resolve };
}

test('what a start has come to is seen while it runs, and nothing of what was before', async () => {
  await create(false);
  expect((await seen())[0]).toBe('image done');
  const { reached, release } = holdAt('launch');
  const starting = host.vms.start('box', false, never);
  await reached;
  await expect
    .poll(seen)
    .toEqual([
      expect.stringMatching('runtime done'),
      ...(done(['accel', 'preflight']).map(() => expect.stringMatching(/ done$/)) as string[]),
      'network done',
      'vmm running',
    ]);
  release();
  await starting;
  expect((await seen()).toSorted()).toEqual(
    done(['accel', 'agent', 'network', 'network-ready', 'preflight', 'runtime', 'vmm']),
  );
});

test('a start that its daemon did not live to end leaves no steps of what was before', async () => {
  await create(false);
  const { reached } = holdAt('launch');
  void host.life.run(() => host.vms.start('box', false, never)).catch(() => undefined);
  await reached;
  host.onCall = () => undefined;
  await host.restart();
  expect(await host.vms.show('box')).toMatchObject({ state: 'stopped', steps: [] });
});

test('what a stop has come to is seen while it runs and after it, with the time that each step took', async () => {
  await create();
  const { reached, release } = holdAt('removeNetwork');
  const stopping = host.vms.stop('box', false, never);
  await reached;
  expect(await seen()).toEqual([...done(['sync', 'power-off', 'vmm']), 'network running']);
  release();
  await stopping;
  expect(await seen()).toEqual(done(stopSteps));
});

test('a stop by force, and a kill, say that they asked nothing of the guest', async () => {
  await create();
  await host.vms.stop('box', true, never);
  expect(await seen()).toEqual(done(['kill', 'vmm', 'network', 'runtime']));
  await host.vms.start('box', false, never);
  await host.vms.kill('box', 'SIGKILL', never);
  expect(await seen()).toEqual(done(['kill', 'vmm', 'network', 'runtime']));
});

test('a guest that ends by itself leaves the steps of its end', async () => {
  const { id, runtime } = await create();
  host.world.powerOff(runtime?.pid ?? 0);
  await until(() => host.deps.vms.get(id).state === 'stopped');
  expect(await seen()).toEqual(done(['vmm', 'network', 'runtime']));
});

test('a step that fails says so, and those after it run all the same', async () => {
  await create();
  host.onCall = (call) => {
    if (call === 'removeNetwork') throw new BangerError('command_failed', 'It stays.');
  };
  expect(await host.vms.stop('box', false, never)).toMatchObject({
    state: 'error',
    phase: 'stop',
    reason: 'Not removed: It stays.',
  });
  expect(await seen()).toEqual([...done(['sync', 'power-off', 'vmm']), 'network failed', 'runtime done']);
});

test('the times of all steps are in the log, those of a deletion as well', async () => {
  await create();
  logged = [];
  await host.vms.delete('box');
  const steps = logged.filter(({ msg }) => msg === 'vm step');
  expect(steps.map(({ step }) => step)).toEqual(['kill', 'vmm', 'network', 'runtime', 'directory']);
  for (const { ms, outcome } of steps) expect([typeof ms, outcome]).toEqual(['number', 'done']);
});
