import { existsSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { OperationOutcome } from '@banger/contract/operation';
import type { VmView } from '@banger/contract/vm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Step } from '../../domain/steps.ts';
import { newOperationId } from '../operation.ts';
import { createSteps } from './create.ts';
import { FakeHost } from './fake-host.suite.ts';
import { initStep, startSteps } from './start-steps.ts';
import { killStep, powerOffSteps, releaseSteps } from './stop-steps.ts';

const never = new AbortController().signal;

/** A moment in the life of an operation: the beginning or the end of a stage. */
interface Moment {
  readonly when: string;
  readonly stage: string;
  readonly over: boolean;
}

/** Both moments of every step, so that a new step is covered without anybody remembering. */
function momentsOf(steps: readonly Pick<Step<never>, 'name' | 'title'>[]): Moment[] {
  return steps.flatMap(({ name, title }) => [
    { when: `${name} begins`, stage: title, over: false },
    { when: `${name} is done`, stage: title, over: true },
  ]);
}

const starting = [...startSteps.flat(), initStep];
const momentsOfStart = momentsOf(starting);

let host: FakeHost;
beforeEach(async () => {
  host = await FakeHost.make();
});
afterEach(() => host.close());

/** Runs a call as an operation, and cancels that at the moment; resolves with what the canceller is told. */
async function cancelAt(
  moment: Pick<Moment, 'stage' | 'over'>,
  call: (signal: AbortSignal) => Promise<unknown>,
): Promise<OperationOutcome> {
  const id = newOperationId();
  let outcome: Promise<OperationOutcome> | undefined;
  const progress = ({ stage, ms }: { readonly stage: string; readonly ms?: number | undefined }): void => {
    if (outcome === undefined && stage === moment.stage && (ms !== undefined) === moment.over)
      outcome = host.operations.cancel(id, never);
  };
  const request = { id, method: 'vm.test', signal: never, progress, detached: false };
  await host.operations.run(request, call).catch(() => undefined);
  if (outcome === undefined) throw new Error(`It never came to: ${moment.stage}`);
  return outcome;
}

const create = (signal = never): Promise<VmView> =>
  host.vms.create(host.spec('box'), { start: true, waitInit: true }, signal);
const makeStopped = (): Promise<VmView> =>
  host.vms.create(host.spec('box'), { start: false, waitInit: false }, never);

function entries(path: string): string[] {
  return existsSync(dirname(path)) ? readdirSync(dirname(path)) : [];
}

function expectNothingRuns(ledger: readonly string[]): void {
  expect(host.ledger).toEqual(ledger);
  expect([host.world.running, host.network.running, host.deps.live.size]).toEqual([[], [], 0]);
  expect(entries(host.layout.vm('x').runtime)).toEqual([]);
}

function expectNothingLeft(): void {
  expect(host.deps.vms.list()).toEqual([]);
  expectNothingRuns([]);
  expect(entries(host.layout.vm('x').directory)).toEqual([]);
}

describe('a creation with a start, cancelled by somebody else', () => {
  const moments = [...momentsOf(createSteps.flat()), ...momentsOfStart];
  test.each(moments.slice(0, -1))('when $when leaves nothing', async (moment) => {
    expect(await cancelAt(moment, create)).toMatchObject({
      state: 'cancelled',
      error: { code: 'cancelled' },
    });
    expectNothingLeft();
    expect(await create()).toMatchObject({ state: 'running' });
  });

  test('when its last step is done has come too far, and says so', async () => {
    expect(await cancelAt(moments.at(-1)!, create)).toMatchObject({
      state: 'done',
      result: { state: 'running' },
    });
    expect(await host.vms.show('box')).toMatchObject({ state: 'running' });
  });
});

describe('a start, cancelled by somebody else', () => {
  test.each(momentsOfStart.slice(0, -1))('when $when leaves the VM stopped', async (moment) => {
    await makeStopped();
    const start = (signal: AbortSignal): Promise<VmView> => host.vms.start('box', true, signal);
    expect(await cancelAt(moment, start)).toMatchObject({ state: 'cancelled' });
    expect(await host.vms.show('box')).toMatchObject({
      state: 'stopped',
      reason: expect.stringMatching(/cancelled/),
    });
    expectNothingRuns(['directory']);
    expect(await start(never)).toMatchObject({ state: 'running', reason: '' });
  });
});

describe('a restart, cancelled by somebody else', () => {
  const stopping = momentsOf([...powerOffSteps, ...releaseSteps]);
  test.each([...stopping, ...momentsOfStart.slice(0, -1)])(
    'when $when leaves the VM stopped',
    async (moment) => {
      await create();
      const restart = (signal: AbortSignal): Promise<VmView> => host.vms.restart('box', true, signal);
      expect(await cancelAt(moment, restart)).toMatchObject({ state: 'cancelled' });
      expect(await host.vms.show('box')).toMatchObject({
        state: 'stopped',
        reason: expect.stringMatching(/cancelled/),
      });
      expectNothingRuns(['directory']);
      expect(await host.vms.start('box', false, never)).toMatchObject({ state: 'running' });
    },
  );
});

describe('what has no way back', () => {
  const killStage = killStep(() => Promise.resolve()).title;
  const calls = [
    [
      'stop',
      powerOffSteps[0]!.title,
      (signal: AbortSignal) => host.vms.stop('box', false, signal),
      'stopped',
    ],
    ['kill', killStage, (signal: AbortSignal) => host.vms.kill('box', 'SIGKILL', signal), 'stopped'],
    ['delete', killStage, (signal: AbortSignal) => host.vms.delete('box', signal), undefined],
  ] as const;

  test.each(calls)(
    'a %s that has begun goes on to its end, and says so',
    async (_name, stage, call, state) => {
      const { id } = await create();
      expect(await cancelAt({ stage, over: false }, call)).toMatchObject({ state: 'done' });
      expect(host.deps.vms.find(id)?.state).toBe(state);
      expectNothingRuns(state === undefined ? [] : ['directory']);
    },
  );

  test.each(calls)(
    'a %s that waits for its turn is cancelled, and changes nothing',
    async (_name, _stage, call) => {
      const { id } = await create();
      const { promise, resolve } = Promise.withResolvers<void>();
      const holder = host.deps.locks.hold(id, {}, () => promise);
      const request = {
        id: 'aa11',
        method: 'vm.test',
        signal: never,
        progress: () => undefined,
        detached: false,
      };
      const ended = host.operations.run<unknown>(request, call).catch((error: unknown) => error);
      expect(await host.operations.cancel('aa11', never)).toMatchObject({ state: 'cancelled' });
      resolve();
      await Promise.all([holder, ended]);
      expect(await host.vms.show('box')).toMatchObject({ state: 'running', reason: '' });
    },
  );
});
