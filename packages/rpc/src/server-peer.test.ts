import { duplexPair } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { RpcError } from './errors.ts';
import type { CallContext, Handler } from './handler.ts';
import { MAX_CALLS, MAX_ID_LENGTH } from './limits.ts';
import { TEST_ERROR, rawClient, request, until } from './raw-client.suite.ts';
import { servePeer } from './server-peer.ts';

const echo: Handler = (params) => Promise.resolve(params);
/** Ends only when it is cancelled. */
const hang: Handler = (_params, { signal }) =>
  new Promise((_resolve, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });

describe('messages', () => {
  test('ids of every type come back as they are', async () => {
    const client = rawClient({ echo });
    const ids = ['', 'a', '1', 0, 1, -1, 1.5, 1e300, null, 'x'.repeat(MAX_ID_LENGTH)];
    client.send(...ids.map((id) => request(id, 'echo', [])));
    expect(await client.received(ids.length)).toEqual(ids.map((id) => ({ jsonrpc: '2.0', id, result: [] })));
  });

  test.each([
    ['a number', 1, null],
    ['null', null, null],
    ['a string', 'echo', null],
    ['no version', { id: 1, method: 'echo' }, 1],
    ['another version', { jsonrpc: '1.0', id: 2, method: 'echo' }, 2],
    ['a version that is a number', { jsonrpc: 2, id: 'x', method: 'echo' }, 'x'],
    ['no method', { jsonrpc: '2.0', id: 3 }, 3],
    ['a method that is a number', { jsonrpc: '2.0', id: 3, method: 7 }, 3],
    ['an id that is an object', { jsonrpc: '2.0', id: {}, method: 'echo' }, null],
    ['an id that is a truth value', { jsonrpc: '2.0', id: true, method: 'echo' }, null],
    ['an id that is too long', { jsonrpc: '2.0', id: 'x'.repeat(MAX_ID_LENGTH + 1), method: 'echo' }, null],
    ['params that are a string', { jsonrpc: '2.0', id: 4, method: 'echo', params: 'x' }, 4],
    ['params that are null', { jsonrpc: '2.0', id: 4, method: 'echo', params: null }, 4],
    ['an empty batch', [], null],
    ['an answer', { jsonrpc: '2.0', id: 5, result: 1 }, 5],
  ])('%s is an invalid request, and the connection goes on', async (_name, message, id) => {
    const client = rawClient({ echo });
    client.send(message, request('after', 'echo', {}));
    const [first, second] = await client.received(2);
    expect(first).toMatchObject({ jsonrpc: '2.0', id, error: { code: -32600 } });
    expect(second).toEqual({ jsonrpc: '2.0', id: 'after', result: {} });
  });

  test.each([
    ['no JSON', Buffer.from('{"jsonrpc"\n')],
    ['invalid UTF-8', Buffer.from([0x22, 0xff, 0x22, 0x0a])],
    ['an overlong encoding', Buffer.from([0x22, 0xc0, 0xaf, 0x22, 0x0a])],
    ['a byte order mark', Buffer.from('\ufeff{}\n')],
    ['two values', Buffer.from('{} {}\n')],
  ])('%s is a parse error, and the connection goes on', async (_name, bytes) => {
    const client = rawClient({ echo });
    client.stream.write(bytes);
    client.send(request(1, 'echo', {}));
    const [first, second] = await client.received(2);
    expect(first).toMatchObject({ id: null, error: { code: -32700 } });
    expect(second).toMatchObject({ id: 1, result: {} });
  });

  test('blank lines are nothing', async () => {
    const client = rawClient({ echo });
    client.stream.write('\n\r\n\n');
    client.send(request(1, 'echo', {}));
    await client.received(1);
    await sleep(5);
    expect(client.lines).toEqual([{ jsonrpc: '2.0', id: 1, result: {} }]);
  });

  test('a line may come byte by byte', async () => {
    const client = rawClient({ echo });
    for (const byte of Buffer.from(`${JSON.stringify(request(1, 'echo', ['ä€😀']))}\n`)) {
      client.stream.write(Buffer.from([byte]));
      await Promise.resolve();
    }
    expect(await client.received(1)).toEqual([{ jsonrpc: '2.0', id: 1, result: ['ä€😀'] }]);
  });

  test('names of the object prototype are no methods', async () => {
    const client = rawClient({ echo });
    client.send(...['constructor', '__proto__', 'toString'].map((name) => request(name, name)));
    for (const line of await client.received(3)) expect(line).toMatchObject({ error: { code: -32601 } });
  });

  test('a notification is carried out and never answered, whatever becomes of it', async () => {
    const seen: unknown[] = [];
    const client = rawClient({
      note: (params) => Promise.resolve(seen.push(params)),
      fail: () => Promise.reject(new Error('no')),
      echo,
    });
    const notification = (method: string): object => ({ jsonrpc: '2.0', method, params: [1] });
    client.send(notification('note'), notification('fail'), notification('missing'), request(9, 'echo', []));
    await client.received(1);
    await sleep(5);
    expect(seen).toEqual([[1]]);
    expect(client.lines).toEqual([{ jsonrpc: '2.0', id: 9, result: [] }]);
  });
});

describe('batches', () => {
  test('answers come in one array, without the notifications', async () => {
    const client = rawClient({ echo });
    client.send([
      request(1, 'echo', [1]),
      { jsonrpc: '2.0', method: 'echo', params: [2] },
      7,
      request('x', 'missing'),
    ]);
    const [answer] = await client.received(1);
    expect(answer).toHaveLength(3);
    expect(answer).toEqual(
      expect.arrayContaining([
        { jsonrpc: '2.0', id: 1, result: [1] },
        expect.objectContaining({ id: null, error: expect.objectContaining({ code: -32600 }) }),
        expect.objectContaining({ id: 'x', error: expect.objectContaining({ code: -32601 }) }),
      ]),
    );
  });

  test('a batch of one is answered by an array of one', async () => {
    const client = rawClient({ echo });
    client.send([request(1, 'echo', [])]);
    expect(await client.received(1)).toEqual([[{ jsonrpc: '2.0', id: 1, result: [] }]]);
  });

  test('a batch of notifications is not answered', async () => {
    const client = rawClient({ echo });
    client.send([{ jsonrpc: '2.0', method: 'echo' }], request(1, 'echo', []));
    await client.received(1);
    await sleep(5);
    expect(client.lines).toHaveLength(1);
  });

  test('a batch over the limit does not run', async () => {
    let runs = 0;
    const client = rawClient({ count: () => Promise.resolve((runs += 1)) });
    client.send(Array.from({ length: MAX_CALLS + 1 }, (_, id) => request(id, 'count')));
    expect(await client.received(1)).toMatchObject([{ id: null, error: { code: -32600 } }]);
    expect(runs).toBe(0);
  });
});

describe('answers', () => {
  test('an error goes through the mapper, an RpcError as it is', async () => {
    const client = rawClient({
      plain: () => Promise.reject(new Error('broken')),
      own: () => Promise.reject(new RpcError(-32602, 'bad', { field: 'x' })),
      sync: () => {
        throw new Error('at once');
      },
    });
    client.send(request(1, 'plain'), request(2, 'own'), request(3, 'sync'));
    const answers = (await client.received(3)) as { id: number }[];
    expect(answers.toSorted((a, b) => a.id - b.id)).toEqual([
      { jsonrpc: '2.0', id: 1, error: { code: TEST_ERROR, message: 'broken' } },
      { jsonrpc: '2.0', id: 2, error: { code: -32602, message: 'bad', data: { field: 'x' } } },
      { jsonrpc: '2.0', id: 3, error: { code: TEST_ERROR, message: 'at once' } },
    ]);
  });

  test('a mapper that fails, a result without JSON form and one over the line limit are internal errors', async () => {
    const client = rawClient(
      {
        fail: () => Promise.reject(new Error('secret')),
        big: () => Promise.resolve(1n),
        long: () => Promise.resolve('x'.repeat(2000)),
        nothing: () => Promise.resolve(undefined),
      },
      {
        limits: { maxLineBytes: 1000 },
        mapError: () => {
          throw new Error('secret');
        },
      },
    );
    client.send(request(1, 'fail'), request(2, 'big'), request(3, 'long'), request(4, 'nothing'));
    const lines = await client.received(4);
    for (const line of lines.slice(0, 3)) expect(line).toMatchObject({ error: { code: -32603 } });
    expect(lines[3]).toEqual({ jsonrpc: '2.0', id: 4, result: null });
    expect(JSON.stringify(lines)).not.toContain('secret');
  });

  test('progress comes before the answer, and not after it', async () => {
    let context: CallContext | undefined;
    const client = rawClient({
      work: async (_params, call) => {
        context = call;
        call.progress({ done: 1 });
        await sleep(1);
        call.progress({ done: 2 });
        return 'end';
      },
    });
    client.send(request('id', 'work'));
    await client.received(3);
    context?.progress({ done: 3 });
    await sleep(5);
    const event = (done: number): object => ({
      jsonrpc: '2.0',
      method: '$/progress',
      params: { id: 'id', event: { done } },
    });
    expect(client.lines).toEqual([event(1), event(2), { jsonrpc: '2.0', id: 'id', result: 'end' }]);
  });

  test('calls of one connection share its state, those of another do not', async () => {
    const remember: Handler = (_params, { connection }) => {
      const count = Number(connection.state.get('count') ?? 0) + 1;
      connection.state.set('count', count);
      return Promise.resolve({ count, id: connection.id });
    };
    const [one, other] = [rawClient({ remember }), rawClient({ remember })];
    one.send(request(1, 'remember'), request(2, 'remember'));
    other.send(request(1, 'remember'));
    expect(await one.received(2)).toMatchObject([{ result: { count: 1 } }, { result: { count: 2 } }]);
    expect(await other.received(1)).toMatchObject([{ result: { count: 1 } }]);
    expect(one.peer.connection.id).not.toBe(other.peer.connection.id);
  });
});

describe('cancel', () => {
  test('ends the call of that id and type alone', async () => {
    const client = rawClient({ hang });
    client.send(request(1, 'hang'), request('1', 'hang'));
    client.send({ jsonrpc: '2.0', method: '$/cancel', params: { id: 1 } });
    expect(await client.received(1)).toEqual([
      { jsonrpc: '2.0', id: 1, error: { code: TEST_ERROR, message: 'The client cancelled the call.' } },
    ]);
    expect(client.peer.active).toEqual(['hang']);
  });

  test.each([[undefined], [[1]], [{}], [{ id: {} }], [{ id: 'unknown' }]])(
    'of nothing (%j) does nothing',
    async (params) => {
      const client = rawClient({ hang, echo });
      client.send(request(1, 'hang'), { jsonrpc: '2.0', method: '$/cancel', params }, request(2, 'echo', []));
      await client.received(1);
      expect(client.peer.active).toEqual(['hang']);
    },
  );

  test('a client that half-closes has left: its calls are cancelled and may still answer', async () => {
    const client = rawClient({ hang });
    client.send(request(1, 'hang'));
    await until(() => client.peer.active.length === 1);
    client.stream.end();
    expect(await client.received(1)).toMatchObject([{ id: 1, error: { message: 'The client left.' } }]);
    await until(() => client.closes() === 1);
    expect(client.peer.connection.closed.aborted).toBe(true);
  });

  test('what was sent just before a half-close is still carried out', async () => {
    const client = rawClient({ echo });
    client.send(request(1, 'echo', ['x']));
    client.stream.end();
    expect(await client.received(1)).toMatchObject([{ id: 1, result: ['x'] }]);
    await until(() => client.closes() === 1);
  });

  test('a client that vanishes has its calls cancelled', async () => {
    const client = rawClient({ hang }, { limits: { closeGraceMs: 20 } });
    client.send(request(1, 'hang'));
    await until(() => client.peer.active.length === 1);
    client.stream.destroy();
    await until(() => client.closes() === 1 && client.peer.active.length === 0);
    expect(client.peer.connection.closed.aborted).toBe(true);
  });

  test('a handler that does not listen cannot hold the connection of a client that left', async () => {
    const client = rawClient({ deaf: () => new Promise(() => undefined) }, { limits: { closeGraceMs: 20 } });
    client.send(request(1, 'deaf'));
    client.stream.end();
    await until(() => client.closes() === 1);
  });
});

describe('limits', () => {
  test('a line over the limit is refused and ends the connection', async () => {
    const client = rawClient({ echo, hang }, { limits: { maxLineBytes: 200 } });
    client.send(request(1, 'hang'));
    client.stream.write('x'.repeat(201));
    const [error] = await client.received(1);
    expect(error).toMatchObject({ id: null, error: { code: -32600 } });
    client.stream.end();
    await until(() => client.closes() === 1);
    expect(client.peer.connection.closed.aborted).toBe(true);
  });

  test('after a line over the limit the rest is dropped, however much it is', async () => {
    const client = rawClient({ echo }, { limits: { maxLineBytes: 200, closeGraceMs: 50 } });
    const chunk = Buffer.alloc(64 * 1024, 'x');
    const timer = setInterval(() => client.stream.write(chunk), 1);
    await until(() => client.closes() === 1);
    clearInterval(timer);
    expect(client.lines).toHaveLength(1);
  });

  test('a line of exactly the limit is read', async () => {
    const line = JSON.stringify(request(1, 'echo', []));
    const client = rawClient({ echo }, { limits: { maxLineBytes: line.length } });
    client.stream.write(`${line}\n`);
    expect(await client.received(1)).toMatchObject([{ id: 1, result: [] }]);
  });

  test('calls over the limit are refused until one has ended', async () => {
    const client = rawClient({ hang, echo }, { limits: { maxCalls: 2 } });
    client.send(request(1, 'hang'), request(2, 'hang'), request(3, 'echo', []));
    expect(await client.received(1)).toMatchObject([{ id: 3, error: { code: -32600 } }]);
    client.send({ jsonrpc: '2.0', method: '$/cancel', params: { id: 1 } });
    await client.received(2);
    client.send(request(4, 'echo', []));
    expect((await client.received(3))[2]).toMatchObject({ id: 4, result: [] });
  });

  test('a client that does not read gets only the newest progress, and then the answer', async () => {
    const [server, stream] = duplexPair();
    servePeer(server, {
      methods: new Map<string, Handler>([
        [
          'work',
          async (_params, { progress }) => {
            for (let done = 0; done < 5000; done += 1) progress({ done, pad: 'x'.repeat(100) });
            await sleep(1);
            return 'end';
          },
        ],
      ]),
      mapError: () => ({ code: TEST_ERROR, message: '' }),
      limits: { maxHeldEvents: 10, maxQueuedBytes: 400_000 },
    });
    stream.write(`${JSON.stringify(request(1, 'work'))}\n`);
    await sleep(30);
    let text = '';
    stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
    await until(() => text.includes('"result"'));
    const lines = text.trimEnd().split('\n');
    expect(lines.length).toBeLessThan(4000);
    expect(lines.at(-2)).toContain('"done":4999');
    expect(lines.at(-11)).toContain('"done":4990');
    expect(lines.at(-12)).not.toContain('"done":4989');
  });

  test('a client that never reads its answers is not read from, and cut off at the limit', async () => {
    const [server, stream] = duplexPair();
    let calls = 0;
    let closed = false;
    const peer = servePeer(server, {
      methods: new Map<string, Handler>([
        ['big', () => Promise.resolve(`${(calls += 1)}${'x'.repeat(100_000)}`)],
      ]),
      mapError: () => ({ code: TEST_ERROR, message: '' }),
      onClose: () => (closed = true),
      limits: { maxQueuedBytes: 1_000_000 },
    });
    for (let id = 0; id < 60; id += 1) stream.write(`${JSON.stringify(request(id, 'big'))}\n`);
    await until(() => closed);
    expect(calls).toBeLessThanOrEqual(60);
    expect(peer.active).toEqual([]);
  });

  test('a client that reads late gets one answer to each call as long as it stays under the limit', async () => {
    const [server, stream] = duplexPair();
    servePeer(server, {
      methods: new Map<string, Handler>([['big', () => Promise.resolve('x'.repeat(1000))]]),
      mapError: () => ({ code: TEST_ERROR, message: '' }),
      limits: { maxQueuedBytes: 200_000 },
    });
    for (let id = 0; id < 1000; id += 1) {
      stream.write(`${JSON.stringify(request(id, 'big'))}\n`);
      if (id % 10 === 9) await new Promise((resolve) => void setImmediate(resolve));
    }
    let text = '';
    stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
    await until(() => text.split('\n').length === 1001);
    const ids = text
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { id: number }).id);
    expect(new Set(ids).size).toBe(1000);
  });
});

describe('close', () => {
  test('refuses nothing that is at work: it is cancelled, answers, and the connection ends', async () => {
    const client = rawClient({ hang });
    client.stream.on('end', () => client.stream.end());
    client.send(request(1, 'hang'));
    await until(() => client.peer.active.length === 1);
    await Promise.all([client.peer.close(), client.peer.close()]);
    expect(client.lines).toMatchObject([
      { id: 1, error: { message: 'The daemon is closing the connection.' } },
    ]);
    expect(client.closes()).toBe(1);
    await client.peer.close();
  });

  test('does not wait for a client that neither reads nor leaves', async () => {
    const [server] = duplexPair();
    const peer = servePeer(server, {
      methods: new Map(),
      mapError: () => ({ code: TEST_ERROR, message: '' }),
      limits: { closeGraceMs: 20 },
    });
    await peer.close();
  });
});
