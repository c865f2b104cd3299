import { duplexPair, type Duplex } from 'node:stream';
import { setImmediate } from 'node:timers/promises';
import { BangerError, isBangerError } from '@banger/contract/error';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeFrameHeader, FrameFlag, FrameParser, FrameType, GoAway, type FrameHeader } from './frame.ts';
import { INITIAL_WINDOW, MAX_FRAME_BYTES, MAX_STREAMS, MAX_WINDOW } from './limits.ts';
import { MuxSession } from './mux-session.ts';

interface Peer {
  readonly host: MuxSession;
  /** Frames that the host sent. */
  readonly frames: FrameHeader[];
  readonly transport: Duplex;
  send(...parts: readonly Uint8Array[]): Promise<void>;
}

/** A host's session, and the raw bytes on the other side. */
function connect(): Peer {
  const [near, far] = duplexPair();
  const host = new MuxSession(near);
  near.on('data', (chunk: Buffer) => host.receive(chunk));
  const frames: FrameHeader[] = [];
  const parser = new FrameParser({ frame: (header) => frames.push(header), payload: () => undefined });
  far.on('data', (chunk: Buffer) => parser.push(chunk));
  far.on('error', () => undefined);
  return {
    host,
    frames,
    transport: near,
    send: async (...parts) => {
      for (const part of parts) far.write(part);
      await settle();
    },
  };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await setImmediate();
}

const data = (id: number, payload: Uint8Array, flags = 0): Buffer =>
  Buffer.concat([encodeFrameHeader(FrameType.data, flags, id, payload.length), payload]);
const update = (id: number, delta: number, flags = 0): Buffer =>
  encodeFrameHeader(FrameType.windowUpdate, flags, id, delta);
const gone = new BangerError('cancelled', 'The test is over.');

test('a stream opens with its first data, and bytes go both ways', async () => {
  const { host, frames, send } = connect();
  const stream = host.open();
  stream.write([Buffer.from('request')]);
  await send(
    update(1, 0, FrameFlag.ack),
    data(1, Buffer.from('re')),
    data(1, Buffer.from('ply'), FrameFlag.fin),
  );
  expect(frames).toEqual([{ type: FrameType.data, flags: FrameFlag.syn, streamId: 1, length: 7 }]);
  expect(stream.drained).toBe(false);
  expect(Buffer.from(stream.takeExactly(5) ?? []).toString()).toBe('reply');
  expect(stream.drained).toBe(true);
  expect(host.open().id).toBe(3);
});

const opened = data(1, Buffer.alloc(10));
test.each([
  ['opens a stream', [data(2, Buffer.alloc(0), FrameFlag.syn)], 'opened a stream'],
  ['opens a stream with our id', [data(3, Buffer.alloc(0), FrameFlag.syn)], 'opened a stream'],
  ['sends data for a stream never opened', [data(3, Buffer.alloc(1))], 'never opened'],
  ['sends data for an even stream', [data(2, Buffer.alloc(1))], 'never opened'],
  ['sends data on stream 0', [data(0, Buffer.alloc(1))], 'stream 0'],
  [
    'sends more than the window',
    Array.from({ length: 5 }, () => data(1, Buffer.alloc(MAX_FRAME_BYTES))),
    'more data than its window',
  ],
  [
    'raises our window without end',
    [update(1, MAX_WINDOW - INITIAL_WINDOW), update(1, 2)],
    'raised a window',
  ],
  ['sends data after the end', [data(1, Buffer.alloc(0), FrameFlag.fin), opened], 'after its end'],
  [
    'ends twice',
    [data(1, Buffer.alloc(0), FrameFlag.fin), data(1, Buffer.alloc(0), FrameFlag.fin)],
    'ended a stream twice',
  ],
  ['resets, then sends', [update(1, 0, FrameFlag.rst), opened], 'on a closed stream'],
  ['pings on a stream', [encodeFrameHeader(FrameType.ping, FrameFlag.syn, 1, 0)], 'a ping on a stream'],
  ['goes away on a stream', [encodeFrameHeader(FrameType.goAway, 0, 1, 0)], 'a go-away on a stream'],
  [
    'pings without end',
    [Buffer.concat(Array(1001).fill(encodeFrameHeader(FrameType.ping, FrameFlag.syn, 0, 0)))],
    'empty frames',
  ],
  [
    'sends empty frames without end',
    [Buffer.concat(Array(1001).fill(data(1, Buffer.alloc(0))))],
    'empty frames',
  ],
  ['sends empty updates without end', [Buffer.concat(Array(1001).fill(update(1, 0)))], 'empty frames'],
  [
    'says we broke the protocol',
    [encodeFrameHeader(FrameType.goAway, 0, 0, GoAway.protocolError)],
    'the host broke',
  ],
])('a guest that %s ends the session', async (_name, frames, message) => {
  const peer = connect();
  const stream = peer.host.open();
  stream.write([Buffer.from('x')]);
  await settle();
  await peer.send(...frames);
  expect(await peer.host.closed).toMatchObject({
    code: 'agent_protocol',
    message: expect.stringContaining(message),
  });
  expect(peer.frames.at(-1)).toMatchObject({ type: FrameType.goAway, length: GoAway.protocolError });
  expect(() => peer.host.open()).toThrow('has ended');
  await settle();
  expect(peer.transport.destroyed).toBe(true);
});

test('a reset before the acknowledgement means that the agent is full', async () => {
  const { host, send } = connect();
  const [refused, failed] = [host.open(), host.open()];
  for (const stream of [refused, failed]) stream.write([Buffer.from('x')]);
  await send(update(1, 0, FrameFlag.rst), update(3, 0, FrameFlag.ack), update(3, 0, FrameFlag.rst));
  expect(refused.failure).toMatchObject({ code: 'agent_limit' });
  expect(failed.failure).toMatchObject({ code: 'guest_failed' });
});

test('what nobody takes is never more than the window, and taking it opens the window again', async () => {
  const { host, frames, send } = connect();
  const stream = host.open();
  stream.write([Buffer.from('x')]);
  for (let sent = 0; sent < INITIAL_WINDOW; sent += MAX_FRAME_BYTES)
    await send(data(1, Buffer.alloc(MAX_FRAME_BYTES)));
  expect(stream.available).toBe(INITIAL_WINDOW);
  expect(frames).toHaveLength(1);
  stream.take(MAX_FRAME_BYTES);
  await settle();
  expect(frames.at(-1)).toEqual({
    type: FrameType.windowUpdate,
    flags: 0,
    streamId: 1,
    length: MAX_FRAME_BYTES,
  });
  await send(data(1, Buffer.alloc(MAX_FRAME_BYTES)));
  await send(data(1, Buffer.alloc(1)));
  expect(await host.closed).toMatchObject({ code: 'agent_protocol' });
});

test('we send no more than the window, and go on when it opens', async () => {
  const { host, frames, send } = connect();
  const stream = host.open();
  let sent = false;
  stream.write([Buffer.alloc(INITIAL_WINDOW + 10)], () => (sent = true));
  await settle();
  const total = (): number => frames.reduce((sum, { length }) => sum + length, 0);
  expect([total(), sent]).toEqual([INITIAL_WINDOW, false]);
  await send(update(1, 4, FrameFlag.ack));
  expect([total(), sent]).toEqual([INITIAL_WINDOW + 4, false]);
  await send(update(1, 100));
  expect([total(), sent]).toEqual([INITIAL_WINDOW + 10, true]);
});

test('no stream starves another', async () => {
  const { host, frames } = connect();
  const [big, small] = [host.open(), host.open()];
  big.write([Buffer.alloc(INITIAL_WINDOW)]);
  small.write([Buffer.from('x')]);
  await settle();
  expect(frames.slice(0, 2).map(({ streamId }) => streamId)).toEqual([1, 3]);
});

test('late data of a stream that we closed is dropped, within what its window allowed', async () => {
  const { host, send } = connect();
  for (const id of [1, 3]) {
    const stream = host.open();
    stream.write([Buffer.from('x')]);
    await settle();
    stream.reset(gone);
    await send(data(id, Buffer.alloc(MAX_FRAME_BYTES)));
  }
  await send(data(1, Buffer.alloc(0), FrameFlag.fin), update(1, 100));
  const open = host.open();
  open.write([Buffer.from('x')]);
  await send(data(5, Buffer.from('y')));
  expect(open.available).toBe(1);
  await send(...Array.from({ length: 4 }, () => data(3, Buffer.alloc(MAX_FRAME_BYTES))));
  expect(await host.closed).toMatchObject({ message: expect.stringContaining('window of a closed stream') });
});

test('a stream given up before it was sent is unknown to the guest', async () => {
  const { host, frames } = connect();
  host.open().reset(gone);
  await settle();
  expect(frames).toEqual([]);
});

test('too many streams are refused here, and closed ones make room', async () => {
  const { host } = connect();
  const streams = Array.from({ length: MAX_STREAMS }, () => host.open());
  expect(() => host.open()).toThrow(`${MAX_STREAMS} requests`);
  streams[0]?.reset(gone);
  expect(host.open().id).toBe(2 * MAX_STREAMS + 1);
});

test('pings are answered, and answered pings resolve', async () => {
  const { host, frames, send } = connect();
  await send(encodeFrameHeader(FrameType.ping, FrameFlag.syn, 0, 77));
  expect(frames).toEqual([{ type: FrameType.ping, flags: FrameFlag.ack, streamId: 0, length: 77 }]);
  const ping = host.ping();
  await send(encodeFrameHeader(FrameType.ping, FrameFlag.ack, 0, frames.at(-1)?.length ?? 0));
  await settle();
  await send(encodeFrameHeader(FrameType.ping, FrameFlag.ack, 0, frames.at(-1)?.length ?? 0));
  await ping;
});

test('when the transport ends, every stream fails and the end says why', async () => {
  const { host, transport } = connect();
  const stream = host.open();
  let told = 0;
  stream.onReadable = () => (told += 1);
  transport.destroy(new Error('the socket broke'));
  expect(await host.closed).toMatchObject({
    code: 'agent_lost',
    message: expect.stringContaining('the socket broke'),
  });
  expect([stream.failure?.code, told]).toEqual(['agent_lost', 1]);
});

test('a session that we close says so, and has no error', async () => {
  const { host, frames } = connect();
  const stream = host.open();
  host.close();
  expect(await host.closed).toBeUndefined();
  expect(stream.failure).toMatchObject({ code: 'agent_lost' });
  await settle();
  expect(frames.at(-1)).toMatchObject({ type: FrameType.goAway, length: GoAway.normal });
});

test('a guest that reads nothing while it sends ends the session before our memory does', async () => {
  const [near] = duplexPair();
  const host = new MuxSession(near);
  const stream = host.open();
  stream.write([Buffer.from('x')]);
  await settle();
  const chunk = data(1, Buffer.alloc(MAX_FRAME_BYTES));
  let over = false;
  void host.closed.then(() => (over = true));
  for (let round = 0; !over && round < 1_000_000; round += 1) {
    host.receive(chunk);
    while (stream.take(MAX_FRAME_BYTES) !== undefined);
    if (round % 1_000 === 0) await setImmediate();
  }
  expect(await host.closed).toMatchObject({
    code: 'agent_lost',
    message: expect.stringContaining('does not read'),
  });
});

test('no bytes make the session throw, hold more than the window, or end without a reason', async () => {
  const header = fc
    .record({
      type: fc.integer({ min: 0, max: 3 }),
      flags: fc.oneof(fc.constant(0), fc.nat(15)),
      streamId: fc.nat(4),
      length: fc.oneof(fc.nat(100), fc.nat(100_000)),
    })
    .map(({ type, flags, streamId, length }) =>
      type === FrameType.data && length <= MAX_FRAME_BYTES
        ? data(streamId, Buffer.alloc(length), flags)
        : encodeFrameHeader(type, flags, streamId, length),
    );
  const noise = fc.array(fc.oneof({ weight: 20, arbitrary: header }, fc.uint8Array({ maxLength: 30 })), {
    maxLength: 20,
  });
  await fc.assert(
    fc.asyncProperty(noise, fc.nat(5_000), async (parts, step) => {
      const { host, frames } = connect();
      const streams = [host.open(), host.open()];
      for (const stream of streams) stream.write([Buffer.from('x')]);
      await setImmediate();
      const bytes = Buffer.concat(parts);
      for (let at = 0; at < bytes.length; at += step + 1) host.receive(bytes.subarray(at, at + step + 1));
      for (const stream of streams) expect(stream.available).toBeLessThanOrEqual(INITIAL_WINDOW);
      host.close();
      const reason = await host.closed;
      if (reason !== undefined)
        expect(isBangerError(reason) && reason.code).toMatch(/^agent_(protocol|lost)$/);
      expect(frames.length).toBeLessThan(1_200);
    }),
  );
});
