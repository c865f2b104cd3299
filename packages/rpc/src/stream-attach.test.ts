import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { duplexPair, type Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { attachStream } from './attach-stream.ts';
import { CallCancelled, ConnectionLost, ProtocolFault, RpcError } from './errors.ts';
import { rawClient, request, until } from './raw-client.suite.ts';
import { servePeer, type Peer } from './server-peer.ts';
import { StreamRegistry } from './stream-registry.ts';

const mapError = (): { code: number; message: string } => ({ code: -32000, message: 'no' });

/** A peer that offers streams, and the client's end of its connection. */
function connection(streams: StreamRegistry): { readonly peer: Peer; readonly client: Duplex } {
  const [server, client] = duplexPair();
  return { peer: servePeer(server, { methods: new Map(), mapError, streams }), client };
}

const attachLine = (token: string): string =>
  `${JSON.stringify(request(1, 'stream.attach', { stream: token }))}\n`;

describe('stream.attach', () => {
  const consumers: [string, (stream: Duplex) => void][] = [
    ['data events', (stream) => stream.on('data', (chunk: Buffer) => stream.write(chunk))],
    ['pipe', (stream) => stream.pipe(stream)],
    ['pipeline', (stream) => void pipeline(stream, stream).catch(() => undefined)],
    [
      'iteration',
      (stream) =>
        void (async () => {
          for await (const chunk of stream) stream.write(chunk);
        })(),
    ],
    [
      'readable events',
      (stream) =>
        stream.on('readable', () => {
          for (
            let chunk = stream.read() as Buffer | null;
            chunk !== null;
            chunk = stream.read() as Buffer | null
          )
            stream.write(chunk);
        }),
    ],
    ['data events later', (stream) => setTimeout(() => stream.on('data', (c: Buffer) => stream.write(c)), 5)],
  ];

  test.each(consumers)(
    'hands over every byte, those behind the request too, to %s',
    async (_name, consume) => {
      const streams = new StreamRegistry();
      const { client } = connection(streams);
      const token = streams.offer(consume);
      // Bytes that would be JSON-RPC, were they read as that.
      const bytes = Buffer.from(`raw\n${attachLine('x')}\u0000`);
      client.write(Buffer.concat([Buffer.from(attachLine(token)), bytes]));
      await sleep(10);
      client.write('later');
      let got = Buffer.alloc(0);
      client.on('data', (chunk: Buffer) => (got = Buffer.concat([got, chunk])));
      const answer = '{"jsonrpc":"2.0","id":1,"result":{}}\n';
      const expected = Buffer.concat([Buffer.from(answer), bytes, Buffer.from('later')]);
      await until(() => got.length >= expected.length);
      expect(got).toEqual(expected);
    },
  );

  test('a client gets its own connection, at the first byte of the stream', async () => {
    const streams = new StreamRegistry();
    const { client } = connection(streams);
    const stream = await attachStream(
      client,
      streams.offer((raw) => void raw.write('hello\n')),
    );
    expect(stream).toBe(client);
    const [chunk] = (await once(stream, 'data')) as [Buffer];
    expect(chunk.toString()).toBe('hello\n');
  });

  test('a token works once', async () => {
    const streams = new StreamRegistry();
    const token = streams.offer(() => undefined);
    await attachStream(connection(streams).client, token);
    await expect(attachStream(connection(streams).client, token)).rejects.toThrow(RpcError);
  });

  test('a wrong token leaves the connection in order', async () => {
    const client = rawClient(
      { echo: (params) => Promise.resolve(params) },
      { streams: new StreamRegistry() },
    );
    client.send(
      request(1, 'stream.attach', { stream: 'guess' }),
      request(2, 'stream.attach', []),
      request(3, 'stream.attach'),
      { jsonrpc: '2.0', method: 'stream.attach', params: { stream: 'guess' } },
      request(4, 'echo', []),
    );
    const lines = await client.received(4);
    for (const line of lines.slice(0, 3)) expect(line).toMatchObject({ error: { code: -32602 } });
    expect(lines[3]).toMatchObject({ id: 4, result: [] });
  });

  test('in a batch or beside other calls it is refused, and the token stays good', async () => {
    const streams = new StreamRegistry();
    const token = streams.offer(() => undefined);
    const attach = request(1, 'stream.attach', { stream: token });
    const client = rawClient({ hang: () => new Promise(() => undefined) }, { streams });
    client.send([attach]);
    expect(await client.received(1)).toMatchObject([[{ id: 1, error: { code: -32600 } }]]);
    client.send(request(2, 'hang'), attach);
    expect((await client.received(2))[1]).toMatchObject({ id: 1, error: { code: -32600 } });
    expect(streams.size).toBe(1);
    streams.close();
  });

  test('closing the peer ends the stream, and its end is the end of the connection', async () => {
    const streams = new StreamRegistry();
    const { peer, client } = connection(streams);
    await attachStream(
      client,
      streams.offer((raw) => raw.resume()),
    );
    expect(peer.connection.closed.aborted).toBe(false);
    await peer.close();
    expect(peer.connection.closed.aborted).toBe(true);
  });
});

describe('offers', () => {
  test('end by time, and by withdrawal, and tell it', async () => {
    const streams = new StreamRegistry();
    let expired = 0;
    const onExpired = (): unknown => (expired += 1);
    const old = streams.offer(() => undefined, { timeoutMs: 1, onExpired });
    const withdrawn = streams.offer(() => undefined, { onExpired });
    streams.withdraw(withdrawn);
    streams.withdraw(withdrawn);
    await until(() => expired === 2);
    expect([streams.take(old), streams.take(withdrawn), streams.size]).toEqual([undefined, undefined, 0]);
  });

  test('that were taken do not expire', async () => {
    const streams = new StreamRegistry();
    let expired = 0;
    streams.take(streams.offer(() => undefined, { timeoutMs: 1, onExpired: () => (expired += 1) }));
    await sleep(5);
    expect(expired).toBe(0);
  });

  test('have tokens of 128 random bits', () => {
    const streams = new StreamRegistry();
    const tokens = Array.from({ length: 100 }, () => streams.offer(() => undefined));
    expect(new Set(tokens).size).toBe(100);
    for (const token of tokens) expect(token).toMatch(/^[0-9a-f]{32}$/);
    streams.close();
    expect(streams.size).toBe(0);
  });
});

describe('attachStream', () => {
  const answers: [string, string, new (...args: never[]) => Error][] = [
    ['no JSON', 'hello\n', ProtocolFault],
    ['another id', '{"jsonrpc":"2.0","id":7,"result":{}}\n', ProtocolFault],
    ['progress', '{"jsonrpc":"2.0","method":"$/progress","params":{}}\n', ProtocolFault],
    ['an error', '{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"no"}}\n', RpcError],
  ];
  test.each(answers)('rejects %s', async (_name, text, type) => {
    const [server, client] = duplexPair();
    server.write(text);
    await expect(attachStream(client, 'token')).rejects.toThrow(type);
    expect(client.destroyed).toBe(true);
  });

  test('rejects when the connection ends, breaks, or the caller gives up', async () => {
    const [server, client] = duplexPair();
    const ended = attachStream(client, 'token');
    server.end();
    await expect(ended).rejects.toThrow(ConnectionLost);

    const [, broken] = duplexPair();
    const breaking = attachStream(broken, 'token');
    broken.destroy(new Error('EPIPE'));
    await expect(breaking).rejects.toThrow(ConnectionLost);

    const controller = new AbortController();
    const waiting = attachStream(duplexPair()[1], 'token', controller.signal);
    controller.abort();
    await expect(waiting).rejects.toThrow(CallCancelled);
    await expect(attachStream(duplexPair()[1], 'token', controller.signal)).rejects.toThrow(CallCancelled);
  });
});

describe('over a real socket', () => {
  let directory = '';
  beforeEach(() => (directory = mkdtempSync(join(tmpdir(), 'banger-rpc-'))));
  afterEach(() => rmSync(directory, { recursive: true }));

  test('a stream carries megabytes both ways, half-closed by either side', async () => {
    const streams = new StreamRegistry();
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      servePeer(socket, { methods: new Map(), mapError, streams });
    });
    const path = join(directory, 'sock');
    await once(server.listen(path), 'listening');
    const token = streams.offer((stream) => void pipeline(stream, stream).catch(() => undefined));
    const client: Socket = connect({ path, allowHalfOpen: true });
    const stream = await attachStream(client, token);
    const block = Buffer.alloc(1 << 20, 'banger');
    const writing = (async () => {
      for (let count = 0; count < 8; count += 1) if (!stream.write(block)) await once(stream, 'drain');
      stream.end();
    })();
    let bytes = 0;
    for await (const chunk of stream) bytes += (chunk as Buffer).length;
    await writing;
    expect(bytes).toBe(8 << 20);
    server.close();
    await once(server, 'close');
  });
});
