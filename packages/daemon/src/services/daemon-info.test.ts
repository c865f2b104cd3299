import { resolvePaths } from '@banger/contract/paths';
import { expect, test } from 'vitest';
import { layoutOf } from '../domain/layout.ts';
import { DaemonInfo } from './daemon-info.ts';
import { newOperationId, type Operation } from './operation.ts';

const paths = resolvePaths({ env: { BANGER_HOME: '/none' }, home: '/', uid: 1 });
const layout = layoutOf(paths, paths.run);
const info = (): DaemonInfo => new DaemonInfo(layout, { list: () => [] }, 0);
const operation = (method: string, name?: string): Operation => ({
  id: newOperationId(),
  method,
  on: name === undefined ? undefined : { kind: 'vm', name },
  signal: new AbortController().signal,
  progress: () => undefined,
});

test('a daemon that is to end only when idle decides that when it is asked', async () => {
  const daemon = info();
  const work = Promise.withResolvers<void>();
  const call = daemon.during(operation('vm.create', 'box'), () => work.promise);
  const ended = daemon.streaming();
  const refusal = (busy: string[]): unknown =>
    expect.objectContaining({ code: 'daemon_build_mismatch', details: { pid: process.pid, busy } });
  const stop = (): string[] => daemon.requestStop({ ifIdle: true });
  expect(stop).toThrow(refusal(['vm.create box', '1 open stream']));
  work.resolve();
  await call;
  expect(stop).toThrow(refusal(['1 open stream']));
  expect(stop).toThrow(`(pid ${process.pid}) is busy with 1 open stream.`);
  ended();
  expect(daemon.stopRequested.aborted).toBe(false);
  await daemon.during(operation('daemon.stop'), async () => expect(stop()).toEqual([]));
  expect(daemon.stopRequested.aborted).toBe(true);
});

test('a daemon that is just to end asks nothing', () => {
  const daemon = info();
  daemon.streaming();
  expect(daemon.requestStop({ ifIdle: false })).toEqual(['1 open stream']);
  expect(daemon.stopRequested.aborted).toBe(true);
});

test('calls that only look keep no daemon, nor do those who watch an operation', async () => {
  const daemon = info();
  const work = Promise.withResolvers<void>();
  const calls = ['vm.list', 'events.watch', 'operation.watch', 'operation.cancel'].map((method) =>
    daemon.during(operation(method), () => work.promise),
  );
  expect(daemon.requestStop({ ifIdle: true })).toEqual([]);
  work.resolve();
  await Promise.all(calls);
});
