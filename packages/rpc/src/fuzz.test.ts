import { duplexPair } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RpcClient } from './client.ts';
import { CallCancelled, ConnectionLost, ProtocolFault, RpcError } from './errors.ts';
import type { Handler } from './handler.ts';
import { rawClient, until } from './raw-client.suite.ts';
import { servePeer } from './server-peer.ts';
import { StreamRegistry } from './stream-registry.ts';

const id = fc.oneof(
  fc.integer(),
  fc.string({ maxLength: 5 }),
  fc.constant(null),
  fc.double(),
  fc.constant({}),
);
const member = fc.oneof(fc.jsonValue(), fc.constantFrom('2.0', 'echo', 'hang', '$/cancel', 'stream.attach'));
/** Almost messages: the right members with right and wrong values. */
const message = fc.record(
  {
    jsonrpc: fc.oneof({ weight: 8, arbitrary: fc.constant('2.0') }, member),
    id,
    method: member,
    params: member,
  },
  { requiredKeys: [] },
);
const line = fc.oneof(
  message.map((value) => JSON.stringify(value)),
  fc.array(message, { maxLength: 5 }).map((value) => JSON.stringify(value)),
  fc.jsonValue().map((value) => JSON.stringify(value)),
  fc.string(),
);
const text = fc.array(line).map((lines) => Buffer.from(lines.map((each) => `${each}\n`).join('')));
const noise = fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes));
const bytes = fc.oneof(
  text,
  noise,
  fc.tuple(text, noise).map((parts) => Buffer.concat(parts)),
);
const sizes = fc.infiniteStream(fc.integer({ min: 1, max: 60 }));

function* chunks(all: Buffer, lengths: Iterable<number>): Generator<Buffer> {
  let offset = 0;
  for (const length of lengths) {
    if (offset >= all.length) return;
    yield all.subarray(offset, offset + length);
    offset += length;
  }
}

const methods: Readonly<Record<string, Handler>> = {
  echo: (params) => Promise.resolve(params),
  hang: (_params, { signal }) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason as Error));
    }),
};

describe('whatever the bytes and their chunks', () => {
  test('a server answers with valid JSON-RPC only, and lets go of the client that leaves', async () => {
    await fc.assert(
      fc.asyncProperty(bytes, sizes, fc.boolean(), async (all, lengths, politely) => {
        const client = rawClient(methods, {
          streams: new StreamRegistry(),
          limits: { maxLineBytes: 300, closeGraceMs: 10 },
        });
        for (const chunk of chunks(all, lengths)) client.stream.write(chunk);
        await new Promise((resolve) => void setImmediate(resolve));
        if (politely) client.stream.end();
        else client.stream.destroy();
        await until(() => client.closes() === 1);
        expect(client.peer.active).toEqual([]);
        expect(client.peer.connection.closed.aborted).toBe(true);
        for (const answer of client.lines.flat())
          expect(answer).toEqual(
            expect.objectContaining({ jsonrpc: '2.0', id: expect.toSatisfy((value) => value !== undefined) }),
          );
      }),
      { numRuns: 100 },
    );
  });

  test('a client settles its calls with an error or a result, and is over when the server is', async () => {
    const reply = fc
      .record(
        {
          jsonrpc: fc.oneof({ weight: 8, arbitrary: fc.constant('2.0') }, member),
          id: fc.oneof(fc.integer({ min: 1, max: 3 }), id),
          method: fc.oneof(fc.constant('$/progress'), member),
          params: fc.oneof(fc.record({ id: fc.integer({ min: 1, max: 3 }), event: fc.object() }), member),
          result: member,
          error: fc.oneof(fc.record({ code: fc.integer(), message: fc.string() }), member),
        },
        { requiredKeys: [] },
      )
      .map((value) => `${JSON.stringify(value)}\n`);
    const stream = fc.oneof(
      fc.array(reply).map((lines) => Buffer.from(lines.join(''))),
      bytes,
    );
    await fc.assert(
      fc.asyncProperty(stream, sizes, async (all, lengths) => {
        const [server, duplex] = duplexPair();
        server.on('error', () => undefined);
        server.resume();
        const client = new RpcClient(duplex);
        const calls = Promise.allSettled(
          [1, 2, 3].map((number) => client.call('work', [number], { onProgress: () => undefined })),
        );
        for (const chunk of chunks(all, lengths)) if (server.writable) server.write(chunk);
        if (server.writable) server.end();
        for (const outcome of await calls) {
          if (outcome.status === 'fulfilled') continue;
          const known = [RpcError, ConnectionLost, ProtocolFault];
          expect(known.some((type) => outcome.reason instanceof type)).toBe(true);
        }
        expect(await client.closed).toBeInstanceOf(Error);
        expect(duplex.destroyed).toBe(true);
      }),
      { numRuns: 100 },
    );
  });
});

describe('calls and cancels, against a model', () => {
  /** What a test does to one of many calls: how long it works, and when its caller gives up. */
  const plan = fc.record({
    workMs: fc.integer({ min: 0, max: 6 }),
    abortMs: fc.option(fc.integer({ min: 0, max: 6 }), { nil: undefined }),
    obeys: fc.boolean(),
    events: fc.integer({ min: 0, max: 3 }),
  });

  test('each call ends once, as its own course says, and nothing stays at work', async () => {
    const work: Handler = async (params, { signal, progress }) => {
      const [{ workMs, obeys, events, number }] = params as [
        { workMs: number; obeys: boolean; events: number; number: number },
      ];
      for (let event = 0; event < events; event += 1) progress({ number, event });
      await sleep(workMs, undefined, obeys ? { signal } : {});
      return number;
    };
    await fc.assert(
      fc.asyncProperty(fc.array(plan, { minLength: 1, maxLength: 20 }), async (plans) => {
        const [server, duplex] = duplexPair();
        const peer = servePeer(server, {
          methods: new Map([['work', work]]),
          mapError: (error) => ({ code: -32000, message: (error as Error).name }),
        });
        const client = new RpcClient(duplex);
        await Promise.all(
          plans.map(async ({ abortMs, ...course }, number) => {
            const controller = new AbortController();
            const events: unknown[] = [];
            if (abortMs !== undefined) setTimeout(() => controller.abort(), abortMs);
            const outcome = await client
              .call('work', [{ ...course, number }], {
                signal: controller.signal,
                onProgress: (event) => void events.push(event),
              })
              .catch((error: unknown) => error);
            if (outcome instanceof RpcError) {
              expect([abortMs !== undefined, course.obeys, outcome.message]).toEqual([
                true,
                true,
                'AbortError',
              ]);
            } else expect(outcome).toBe(number);
            expect(outcome).not.toBeInstanceOf(CallCancelled);
            expect(events).toEqual(Array.from({ length: course.events }, (_, event) => ({ number, event })));
          }),
        );
        await until(() => peer.active.length === 0);
        client.close();
        await until(() => peer.connection.closed.aborted);
      }),
      { numRuns: 30 },
    );
  });
});
