import { BangerError } from '@banger/contract/error';
import type { DaemonEvent } from '@banger/contract/event';
import type { Progress } from '@banger/contract/progress';
import { FakeClock } from '@banger/testkit/fake-clock';
import { beforeEach, describe, expect, test } from 'vitest';
import { EventBus } from './events.ts';
import { currentOperation, type tell } from './operation.ts';
import type { OperationRequest } from './operation-record.ts';
import { Operations } from './operations.ts';

const HOUR = 3_600_000;
const never = new AbortController().signal;

let clock: FakeClock;
let events: DaemonEvent[];
let operations: Operations;
beforeEach(() => {
  clock = new FakeClock();
  const bus = new EventBus(clock);
  events = [];
  bus.listen((event) => events.push(event));
  operations = new Operations(bus, clock);
});

const request = (id: string, change: Partial<OperationRequest> = {}): OperationRequest => ({
  ...{ id, method: 'vm.create', on: { kind: 'vm', name: 'box' }, client: 77, detached: false },
  ...{ signal: never, progress: () => undefined },
  ...change,
});

/** Work that tells stages when it is told to, and ends when it is told to or cancelled. */
function held(): {
  work: (signal: AbortSignal) => Promise<string>;
  end: (result: string) => void;
  say: typeof tell;
} {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let operation: ReturnType<typeof currentOperation>;
  return {
    work: (signal) => {
      operation = currentOperation();
      signal.addEventListener('abort', () => reject(signal.reason as Error));
      return promise;
    },
    end: resolve,
    say: (event) => operation?.progress({ level: 'stage', ...event }),
  };
}

describe('an operation', () => {
  test('is listed while it is at work, with its stage and how far that is, and passes its progress on', async () => {
    const { work, end, say } = held();
    const told: unknown[] = [];
    const ended = operations.run(request('aa11', { progress: (event) => told.push(event) }), work);
    expect(operations.list(false)).toEqual([
      {
        ...{ id: 'aa11', method: 'vm.create', on: { kind: 'vm', name: 'box' }, client: 77, detached: false },
        ...{ state: 'running', stage: '', detail: '', startedAt: new Date(clock.now()).toISOString() },
      },
    ]);
    say({ stage: 'Fetching', detail: 'a package', done: 5, total: 10, unit: 'bytes' });
    say({ stage: 'Odd', level: 'warning' });
    say({ stage: 'Fetching', ms: 7 });
    expect(operations.show('aa11')).toMatchObject({ stage: 'Fetching', done: 5, total: 10, unit: 'bytes' });
    expect(told).toHaveLength(3);
    end('made');
    expect(await ended).toBe('made');
    expect(operations.list(false)).toEqual([]);
    expect(operations.list(true)).toMatchObject([{ id: 'aa11', state: 'done' }]);
    expect(operations.list(true)[0]).not.toHaveProperty('result');
    expect(operations.show('aa11')).toMatchObject({
      state: 'done',
      result: 'made',
      endedAt: expect.any(String),
    });
  });

  test('that fails keeps the reason, and throws it on', async () => {
    const error = new BangerError('disk_full', 'Full.');
    await expect(operations.run(request('aa11'), () => Promise.reject(error))).rejects.toBe(error);
    expect(operations.show('aa11')).toMatchObject({
      state: 'failed',
      error: { code: 'disk_full', message: 'Full.', hint: error.hint },
    });
  });

  test('is found by the beginning of its id, where that is the only one', async () => {
    const one = held();
    const both = [operations.run(request('aa11'), one.work), operations.run(request('aa22'), one.work)];
    expect(operations.show('aa1').id).toBe('aa11');
    expect(() => operations.show('aa')).toThrow(expect.objectContaining({ code: 'name_ambiguous' }));
    expect(() => operations.show('b')).toThrow(expect.objectContaining({ code: 'operation_not_found' }));
    one.end('');
    await Promise.all(both);
  });

  test('tells the bus of its beginning and its end', async () => {
    await operations.run(request('aa11'), () => clock.advance(1_500));
    await operations
      .run(request('bb22', { client: 0 }), () => Promise.reject(new Error('x')))
      .catch(() => undefined);
    expect(events).toMatchObject([
      { event: 'operation.begun', operation: 'aa11', on: { name: 'box' }, client: 77, detached: false },
      { event: 'operation.ended', operation: 'aa11', state: 'done', ms: 1_500 },
      { event: 'operation.begun', operation: 'bb22' },
      { event: 'operation.ended', operation: 'bb22', state: 'failed', error: { code: 'internal' } },
    ]);
  });

  test('whose answer is too long to be kept is done all the same', async () => {
    await operations.run(request('aa11'), () => Promise.resolve('x'.repeat(70_000)));
    expect(operations.show('aa11')).toMatchObject({ state: 'done' });
    expect(operations.show('aa11')).not.toHaveProperty('result');
  });
});

describe('a watcher', () => {
  test('that comes late gets the latest stage first, then what comes, then the end', async () => {
    const { work, end, say } = held();
    const ended = operations.run(request('aa11'), work);
    say({ stage: 'One' });
    say({ stage: 'Two' });
    const seen: Progress[] = [];
    const watched = operations.watch('aa', (event) => seen.push(event), never);
    say({ stage: 'Two', ms: 3 });
    say({ stage: 'Three' });
    end('made');
    expect(await watched).toMatchObject({ state: 'done', result: 'made' });
    expect(seen.map(({ operation, stage, ms }) => [operation, stage, ms])).toEqual([
      ['aa11', 'Two', undefined],
      ['aa11', 'Two', 3],
      ['aa11', 'Three', undefined],
    ]);
    await ended;
    expect(await operations.watch('aa11', () => expect.unreachable(), never)).toMatchObject({
      state: 'done',
    });
  });

  test('that leaves ends nothing', async () => {
    const { work, end, say } = held();
    const ended = operations.run(request('aa11'), work);
    const leaving = new AbortController();
    const seen: Progress[] = [];
    const watched = operations.watch('aa11', (event) => seen.push(event), leaving.signal);
    leaving.abort();
    await expect(watched).rejects.toMatchObject({ code: 'cancelled' });
    say({ stage: 'Later' });
    expect(seen).toEqual([]);
    end('made');
    expect(await ended).toBe('made');
  });
});

describe('a cancel', () => {
  test('ends it, waits until that is undone, and says so; a second one is refused', async () => {
    let undone = false;
    const work = async (signal: AbortSignal): Promise<never> => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      await new Promise((resolve) => setTimeout(resolve, 5));
      undone = true;
      throw signal.reason;
    };
    const ended = operations.run(request('aa11'), work).catch((error: unknown) => error);
    expect(await operations.cancel('aa11', never)).toMatchObject({
      state: 'cancelled',
      error: { code: 'cancelled' },
    });
    expect(undone).toBe(true);
    expect(await ended).toMatchObject({ message: 'It was cancelled by `banger operation cancel`.' });
    await expect(operations.cancel('aa11', never)).rejects.toMatchObject({
      code: 'operation_ended',
      message: 'Operation aa11 (vm.create) is cancelled already.',
    });
  });

  test('of one that has come too far says what became of it', async () => {
    const { promise, resolve } = Promise.withResolvers<string>();
    const ended = operations.run(request('aa11'), () => promise);
    const cancelled = operations.cancel('aa11', never);
    resolve('stopped');
    expect(await cancelled).toMatchObject({ state: 'done', result: 'stopped' });
    await ended;
  });

  test('whose client does not wait for it is carried out all the same', async () => {
    const { work } = held();
    const ended = operations.run(request('aa11'), work).catch((error: unknown) => error);
    await expect(operations.cancel('aa11', AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' });
    expect(await ended).toMatchObject({ code: 'cancelled' });
  });

  test('by its own client, and by the end of the daemon, is one too', async () => {
    const leaving = new AbortController();
    const first = operations
      .run(request('aa11', { signal: leaving.signal }), held().work)
      .catch(() => undefined);
    leaving.abort(new BangerError('cancelled', 'The client left.'));
    const second = operations.run(request('bb22', { detached: true }), held().work).catch(() => undefined);
    operations.cancelAll('The daemon was asked to end.');
    await Promise.all([first, second]);
    expect(operations.list(true).map(({ state, error }) => [state, error?.message])).toEqual([
      ['cancelled', 'The client left.'],
      ['cancelled', 'The daemon was asked to end.'],
    ]);
  });
});

describe('operations that ended', () => {
  test('are forgotten after an hour, and never while they are at work', async () => {
    const { work, end } = held();
    const long = operations.run(request('aa11'), work);
    await operations.run(request('bb22'), () => Promise.resolve());
    await clock.advance(HOUR - 1);
    operations.pruneFinished(clock.now());
    expect(operations.list(true).map(({ id }) => id)).toEqual(['bb22', 'aa11']);
    await clock.advance(1);
    expect(operations.list(true).map(({ id }) => id)).toEqual(['aa11']);
    expect(() => operations.show('bb22')).toThrow(expect.objectContaining({ code: 'operation_not_found' }));
    end('');
    await long;
  });

  test('are a hundred at most, the newest', async () => {
    for (let index = 0; index < 105; index += 1)
      await operations.run(request(`n${index}`), () => Promise.resolve());
    const kept = operations.list(true);
    expect([kept.length, kept[0]?.id, kept.at(-1)?.id]).toEqual([100, 'n5', 'n104']);
  });
});
