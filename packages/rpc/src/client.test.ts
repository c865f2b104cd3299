import { duplexPair, type Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { RpcClient } from './client.ts';
import { CallCancelled, ConnectionLost, LineTooLong, ProtocolFault, RpcError } from './errors.ts';
import type { Handler } from './handler.ts';
import { until } from './raw-client.suite.ts';
import { servePeer } from './server-peer.ts';

/** A client, and the other end of its connection with what it has sent. */
function bare(cancelAnswerMs = 10_000): {
  readonly client: RpcClient;
  readonly server: Duplex;
  readonly sent: () => string;
} {
  const [server, stream] = duplexPair();
  let text = '';
  server.on('data', (chunk: Buffer) => (text += chunk.toString()));
  server.on('error', () => undefined);
  return { client: new RpcClient(stream, { cancelAnswerMs }), server, sent: () => text };
}

function served(methods: Readonly<Record<string, Handler>>): RpcClient {
  const [server, stream] = duplexPair();
  servePeer(server, {
    methods: new Map(Object.entries(methods)),
    mapError: (error) => ({ code: -32000, message: (error as Error).message, data: { code: 'x' } }),
  });
  return new RpcClient(stream);
}

describe('calls', () => {
  test('get their own results, whatever the order', async () => {
    const client = served({
      wait: async (params) => {
        const [ms] = params as [number];
        await sleep(ms);
        return ms;
      },
    });
    const calls = [8, 1, 4].map((ms) => client.call('wait', [ms]));
    expect(await Promise.all(calls)).toEqual([8, 1, 4]);
  });

  test('reject with the error that the server answered', async () => {
    const client = served({ fail: () => Promise.reject(new Error('broken')) });
    const error = await client.call('fail', {}).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(RpcError);
    expect(error).toMatchObject({ code: -32000, message: 'broken', data: { code: 'x' } });
    await expect(client.call('missing', undefined)).rejects.toMatchObject({ code: -32601 });
  });

  test('over the limit of a line are not sent, and harm no other', async () => {
    const client = served({ echo: (params) => Promise.resolve(params) });
    // Control characters take six bytes each in JSON.
    const error = await client
      .call('echo', { text: '\u0001'.repeat(800_000) })
      .catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(LineTooLong);
    expect(error).toMatchObject({ bytes: expect.any(Number), limit: 4 * 1024 ** 2 });
    expect(await client.call('echo', { text: 'x' })).toEqual({ text: 'x' });
  });

  test('tell their own progress', async () => {
    const client = served({
      work: (params, { progress }) => {
        progress({ of: params });
        return Promise.resolve('end');
      },
    });
    const seen: unknown[][] = [[], []];
    await Promise.all(
      seen.map((events, index) =>
        client.call('work', [index], { onProgress: (event) => void events.push(event) }),
      ),
    );
    expect(seen).toEqual([[{ of: [0] }], [{ of: [1] }]]);
  });

  test('a listener that throws ends its call, and only that', async () => {
    const client = served({
      work: async (_params, { progress, signal }) => {
        progress({});
        await sleep(1000, undefined, { signal });
      },
      echo: (params) => Promise.resolve(params),
    });
    const failing = client.call('work', [], {
      onProgress: () => {
        throw new Error('in the listener');
      },
    });
    await expect(failing).rejects.toThrow('in the listener');
    await sleep(5);
    expect(await client.call('echo', [1])).toEqual([1]);
  });
});

describe('abort', () => {
  test('tells the server and gives what it answers', async () => {
    const client = served({
      work: async (_params, { signal }) => {
        await sleep(60_000, undefined, { signal }).catch(() => undefined);
        await sleep(5);
        throw new Error('undone');
      },
      finish: async (_params, { signal }) => {
        await sleep(60_000, undefined, { signal }).catch(() => undefined);
        return 'it was done already';
      },
    });
    const controller = new AbortController();
    const [work, finish] = ['work', 'finish'].map((name) => client.call(name, [], controller));
    setTimeout(() => controller.abort(), 2);
    await expect(work).rejects.toThrow('undone');
    expect(await finish).toBe('it was done already');
  });

  test('gives up on a server that does not answer, and takes its late answer as no fault', async () => {
    const { client, server, sent } = bare(5);
    const controller = new AbortController();
    const call = client.call('work', [], controller);
    controller.abort();
    await expect(call).rejects.toThrow(CallCancelled);
    await until(() => sent().includes('{"jsonrpc":"2.0","method":"$/cancel","params":{"id":1}}'));
    server.write('{"jsonrpc":"2.0","id":1,"result":1}\n');
    const next = client.call('more', []);
    server.write('{"jsonrpc":"2.0","id":2,"result":2}\n');
    expect(await next).toBe(2);
  });

  test('before the call sends nothing', async () => {
    const { client, sent } = bare();
    await expect(client.call('work', [], { signal: AbortSignal.abort() })).rejects.toThrow(CallCancelled);
    await sleep(5);
    expect(sent()).toBe('');
  });

  test('after the answer does nothing', async () => {
    const { client, server, sent } = bare();
    const controller = new AbortController();
    const call = client.call('work', [], controller);
    server.write('{"jsonrpc":"2.0","id":1,"result":1}\n');
    await call;
    controller.abort();
    await sleep(5);
    expect(sent()).not.toContain('$/cancel');
  });
});

describe('the end of the connection', () => {
  test.each([
    ['half-closed', (server: Duplex) => void server.end()],
    ['destroyed', (server: Duplex) => void server.destroy()],
  ])('%s by the server rejects every call, those to come too', async (_name, end) => {
    const { client, server } = bare();
    const calls = [client.call('a', []), client.call('b', [])];
    end(server);
    for (const call of calls) await expect(call).rejects.toThrow(ConnectionLost);
    await expect(client.call('c', [])).rejects.toThrow(ConnectionLost);
    expect(await client.closed).toBeInstanceOf(ConnectionLost);
    client.notify('d', []);
  });

  test('by ourselves rejects them too, and is no fault', async () => {
    const { client } = bare();
    const call = client.call('a', []);
    client.close();
    client.close();
    await expect(call).rejects.toThrow(ConnectionLost);
    expect(await client.closed).toBeUndefined();
  });
});

describe('a server that breaks the protocol is left', () => {
  test.each([
    ['no JSON', 'hello'],
    ['a batch', '[]'],
    ['a request', '{"jsonrpc":"2.0","id":1,"method":"x"}'],
    ['no version', '{"id":1,"result":1}'],
    ['result and error', '{"jsonrpc":"2.0","id":1,"result":1,"error":{"code":1,"message":"x"}}'],
    ['neither of them', '{"jsonrpc":"2.0","id":1}'],
    ['an error without code', '{"jsonrpc":"2.0","id":1,"error":{"message":"x"}}'],
    ['an error of text', '{"jsonrpc":"2.0","id":1,"error":"x"}'],
    ['an unknown id', '{"jsonrpc":"2.0","id":2,"result":1}'],
    ['an id of another type', '{"jsonrpc":"2.0","id":"1","result":1}'],
    ['an error without id', '{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"x"}}'],
    ['progress without event', '{"jsonrpc":"2.0","method":"$/progress","params":{"id":1}}'],
    ['an endless line', 'x'.repeat(5 << 20)],
  ])('%s', async (_name, line) => {
    const { client, server } = bare();
    const call = client.call('work', []);
    server.write(`${line}\n`);
    await expect(call).rejects.toThrow(ProtocolFault);
    expect(await client.closed).toBeInstanceOf(ProtocolFault);
  });

  test('notifications that we do not know, and progress of calls that are over, are not that', async () => {
    const { client, server } = bare();
    const call = client.call('work', []);
    server.write('{"jsonrpc":"2.0","method":"$/news","params":{}}\n');
    server.write('{"jsonrpc":"2.0","method":"$/progress","params":{"id":7,"event":{}}}\n');
    server.write('{"jsonrpc":"2.0","id":1,"result":null}\n');
    expect(await call).toBeNull();
  });
});
