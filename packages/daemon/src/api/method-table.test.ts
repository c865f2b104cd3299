import { BangerError } from '@banger/contract/error';
import { resolvePaths } from '@banger/contract/paths';
import type { CallContext } from '@banger/rpc/handler';
import pino from 'pino';
import { beforeEach, describe, expect, test } from 'vitest';
import { layoutOf } from '../domain/layout.ts';
import { systemClock } from '../host/clock.ts';
import { DaemonInfo } from '../services/daemon-info.ts';
import { EventBus } from '../services/events.ts';
import { currentOperation, tell } from '../services/operation.ts';
import { subjectOf } from '../services/operation-subject.ts';
import { Operations } from '../services/operations.ts';
import { rememberClient } from './client-process.ts';
import { handlers, type Handlers } from './handlers.ts';
import { mapError, methodTable, type CallDeps } from './method-table.ts';

const paths = resolvePaths({ env: { BANGER_HOME: '/none' }, home: '/', uid: 1 });
const layout = layoutOf(paths, paths.run);

/** A connection with one call on it. */
class Client {
  readonly leaving = new AbortController();
  readonly told: object[] = [];
  readonly context: CallContext = {
    ...{
      id: 1,
      method: 'test',
      signal: this.leaving.signal,
      progress: (event) => void this.told.push(event),
    },
    connection: { id: 'c', closed: this.leaving.signal, state: new Map() },
  };
}

let operations: Operations;
let daemon: DaemonInfo;
let pull: Handlers['image.pull'];
let place: CallDeps['place'];
beforeEach(() => {
  place = { check: () => undefined };
  operations = new Operations(new EventBus(systemClock), systemClock);
  daemon = new DaemonInfo(layout, { list: () => [] }, 0);
  pull = () => Promise.reject(new BangerError('internal', 'The test did not expect it.'));
});

/** Calls a method of a daemon that has operations, and images as the test says. */
function call(method: string, params: unknown, { context }: Client): Promise<unknown> {
  const real = handlers({ daemon, operations } as Parameters<typeof handlers>[0]);
  const table = methodTable(
    { ...real, 'image.pull': (...given) => pull(...given) },
    {
      ...{ daemon, operations, place, log: pino({ level: 'silent' }) },
      subjectOf: (given) => subjectOf(given, () => []),
    },
  );
  return table.get(method)?.(params, context) ?? Promise.reject(new Error(`no ${method}`));
}

const image = { image: 'debian' };

/** A pull that goes on until it is cancelled. */
function untilCancelled(): Handlers['image.pull'] {
  return (_params, { signal }) => {
    tell({ stage: 'Building' });
    return new Promise((_, reject) =>
      signal.addEventListener('abort', () => reject(new BangerError('cancelled', 'Killed.'))),
    );
  };
}

test('a hello with members that only a newer build knows is answered; of any other call they are an error', async () => {
  const hello = { protocol: 1, build: 'theirs', colour: 'blue' };
  expect(await call('daemon.hello', hello, new Client())).toMatchObject({ pid: process.pid });
  await expect(call('daemon.stop', { colour: 'blue' }, new Client())).rejects.toMatchObject({
    code: 'invalid_argument',
  });
});

test('nothing is done for a client of before once the state is no longer this daemon’s', async () => {
  pull = () => Promise.resolve(undefined as never);
  const lost = new BangerError('state_lost', 'It is gone.');
  place = {
    check: () => {
      throw lost;
    },
  };
  await expect(call('image.pull', image, new Client())).rejects.toBe(lost);
});

describe('a call', () => {
  test('that changes something is an operation, named with what it is on and who asked', async () => {
    const client = new Client();
    rememberClient(client.context.connection, 77);
    pull = untilCancelled();
    const ended = call('image.pull', image, client).catch((error: unknown) => error);
    const [operation] = (await call('operation.list', { all: false }, new Client())) as [{ id: string }];
    expect(operation).toMatchObject({
      ...{ method: 'image.pull', on: { kind: 'image', name: 'debian' }, client: 77 },
      ...{ detached: false, state: 'running', stage: 'Building' },
    });
    expect(daemon.busy()).toEqual(['image.pull debian']);
    expect(client.told).toEqual([{ operation: operation.id, stage: 'Building', level: 'stage' }]);

    const watcher = new Client();
    const watched = call('operation.watch', { operation: operation.id }, watcher);
    expect(watcher.told).toEqual(client.told);
    await call('operation.cancel', { operation: operation.id.slice(0, 4) }, new Client());
    expect(await watched).toMatchObject({ state: 'cancelled' });
    const error = await ended;
    expect(error).toMatchObject({
      code: 'cancelled',
      message: 'It was cancelled by `banger operation cancel`.',
    });
    expect(mapError(error, client.context)).toMatchObject({ data: { operation: operation.id } });
  });

  test('that only looks, or that makes no sense, is none; its error has an id all the same', async () => {
    const client = new Client();
    const error = await call('image.pull', { image: 1 }, client).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'invalid_argument' });
    expect(mapError(error, client.context)).toMatchObject({
      data: { operation: expect.stringMatching(/^[0-9a-f]{12}$/) },
    });
    await expect(call('operation.show', { operation: 'aa' }, client)).rejects.toMatchObject({
      code: 'operation_not_found',
    });
    expect(operations.list(true)).toEqual([]);
  });

  test('of a client that leaves is cancelled', async () => {
    const client = new Client();
    pull = untilCancelled();
    const ended = call('image.pull', image, client).catch((error: unknown) => error);
    client.leaving.abort();
    expect(await ended).toMatchObject({ code: 'cancelled' });
    expect(operations.list(true)).toMatchObject([{ state: 'cancelled' }]);
  });
});

describe('a call that is detached', () => {
  const start = (client: Client, method = 'image.pull', params: unknown = image): Promise<unknown> =>
    call('operation.start', { method, params }, client);

  test('answers at once, goes on when its client has left, and keeps what it came to', async () => {
    const client = new Client();
    const release = Promise.withResolvers<never>();
    let seen: string | undefined;
    pull = () => {
      seen = currentOperation()?.id;
      return release.promise;
    };
    const { id } = (await start(client)) as { id: string };
    expect(seen).toBe(id);
    client.leaving.abort();
    expect(operations.list(false)).toMatchObject([{ id, detached: true, on: { name: 'debian' } }]);
    expect(daemon.busy()).toEqual(['image.pull debian']);
    release.resolve({ name: 'debian' } as never);
    const outcome = await call('operation.watch', { operation: id }, new Client());
    expect(outcome).toMatchObject({ state: 'done', result: { name: 'debian' } });
    expect(daemon.busy()).toEqual([]);
  });

  test('is cancelled as any other, and by the end of the daemon', async () => {
    pull = untilCancelled();
    const { id } = (await start(new Client())) as { id: string };
    expect(await call('operation.cancel', { operation: id }, new Client())).toMatchObject({
      state: 'cancelled',
    });
    await start(new Client());
    operations.cancelAll('The daemon was asked to end.');
    await daemon.settled();
    expect(operations.list(true)[1]?.error?.message).toBe('The daemon was asked to end.');
  });

  test.each([
    ['params that it does not take', 'image.pull', { image: '' }],
    ['a method that only looks', 'operation.list', { all: true }],
    ['a method that there is not', 'toString', {}],
    ['itself', 'operation.start', { method: 'image.pull', params: image }],
  ])('is refused for %s', async (_what, method, params) => {
    await expect(start(new Client(), method, params)).rejects.toMatchObject({ code: 'invalid_argument' });
    expect(operations.list(true)).toEqual([]);
  });
});
