import { once } from 'node:events';
import { PassThrough, Readable, duplexPair, type Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { BangerError } from '@banger/contract/error';
import { frameKind, MAX_FRAME_BYTES } from '@banger/contract/stream-frames';
import { FrameDecoder, FrameEncoder, type Frame } from '@banger/rpc/frame-codec';
import pino from 'pino';
import { expect, test } from 'vitest';
import { offerCopyIn, offerCopyOut, offerDownload, offerUpload } from './copies.ts';
import { StreamOffers } from './streams.ts';

const format = { kinds: new Set<number>(Object.values(frameKind)), maxPayloadBytes: MAX_FRAME_BYTES };
const told = <T>(work: Promise<T>): Promise<T> => work;

/** Offers, the client's side of one that is picked up, and how many streams are work of the daemon. */
function made(offer: (streams: StreamOffers, callerGone: AbortSignal) => { readonly stream: string }) {
  let open = 0;
  const streaming = (): (() => void) => ((open += 1), () => void (open -= 1));
  const streams = new StreamOffers({ streaming }, pino({ level: 'silent' }));
  const caller = new AbortController();
  const { stream } = offer(streams, caller.signal);
  const [ours, theirs] = duplexPair();
  ours.on('error', () => undefined);
  theirs.on('error', () => undefined);
  const pick = (): Duplex => {
    streams.registry.take(stream)?.(ours);
    return theirs;
  };
  return {
    pick,
    leave: () => caller.abort(),
    withdraw: () => streams.registry.withdraw(stream),
    open: () => open,
  };
}

async function frames(stream: Duplex): Promise<{ bytes: string; end: unknown }> {
  const all = (await stream.pipe(new FrameDecoder(format)).toArray()) as Frame[];
  const last = all.pop();
  expect(last?.kind).toBe(frameKind.exit);
  return {
    bytes: Buffer.concat(all.map(({ payload }) => payload)).toString(),
    end: JSON.parse(String(last?.payload)),
  };
}

const input = (text: string): Frame => ({ kind: frameKind.stdin, payload: Buffer.from(text) });

async function sent(stream: Duplex, ...texts: readonly string[]): Promise<void> {
  const encoder = new FrameEncoder(format);
  encoder.pipe(stream, { end: false });
  for (const text of texts) encoder.write(input(text));
  await new Promise((resolve) => void setImmediate(resolve));
}

async function nothingOpen(open: () => number): Promise<void> {
  await expect.poll(open, { timeout: 2_000 }).toBe(0);
}

test('a tree goes out, then that it is whole', async () => {
  const { pick, open } = made((streams) =>
    offerCopyOut(streams, { bytes: Readable.from([Buffer.from('tree')]), told }),
  );
  const stream = pick();
  expect(await frames(stream)).toEqual({ bytes: 'tree', end: {} });
  stream.end();
  await nothingOpen(open);
});

test('bytes go out in frames that a reader takes, then that they are all', async () => {
  const long = Buffer.alloc(MAX_FRAME_BYTES * 2 + 1, 'x');
  const { pick, open } = made((streams) =>
    offerDownload(streams, { name: 'app', bytes: () => Readable.from([long, Buffer.from('y')]) }),
  );
  const stream = pick();
  expect(await frames(stream)).toEqual({ bytes: `${long.toString()}y`, end: {} });
  stream.end();
  await nothingOpen(open);
});

test('bytes that break say why', async () => {
  const bytes = async function* (): AsyncGenerator<Buffer> {
    yield Buffer.from('x');
    throw new BangerError('image_invalid', 'Damaged.', { hint: 'Mend it.' });
  };
  const { pick } = made((streams) => offerDownload(streams, { name: 'app', bytes }));
  const { end } = await frames(pick());
  expect(end).toEqual({ error: { code: 'image_invalid', message: 'Damaged.', hint: 'Mend it.' } });
});

test('bytes come in, and the client is told what they are called', async () => {
  const { pick, open } = made((streams, callerGone) =>
    offerUpload(streams, async (bytes) => (await buffer(bytes)).toString(), callerGone),
  );
  const stream = pick();
  await sent(stream, 'he', 'llo', '');
  expect(await frames(stream)).toEqual({ bytes: '', end: { upload: 'hello' } });
  stream.end();
  await nothingOpen(open);
});

test('bytes that are not taken are told so before their end, and half of them is not taken for all', async () => {
  const refuse = (): Promise<string> => Promise.reject(new BangerError('disk_full', 'Full.'));
  const refused = made((streams, gone) => offerUpload(streams, refuse, gone));
  const stream = refused.pick();
  await sent(stream, 'he');
  expect((await frames(stream)).end).toMatchObject({ error: { code: 'disk_full', message: 'Full.' } });
  const failed = Promise.withResolvers<unknown>();
  const take = (bytes: Readable): Promise<string> =>
    buffer(bytes).then(String, (error: unknown) => {
      failed.resolve(error);
      throw error;
    });
  const left = made((streams, gone) => offerUpload(streams, take, gone));
  const half = left.pick();
  await sent(half, 'he');
  half.destroy();
  expect(await failed.promise).toBeInstanceOf(Error);
  await nothingOpen(left.open);
});

test('bytes that nobody wants any more are told so', async () => {
  const left = Promise.withResolvers<void>();
  const bytes = async function* (signal: AbortSignal): AsyncGenerator<Buffer> {
    signal.addEventListener('abort', () => left.resolve());
    for (;;) yield Buffer.alloc(MAX_FRAME_BYTES);
  };
  const { pick, open } = made((streams) => offerDownload(streams, { name: 'app', bytes }));
  pick().destroy();
  await left.promise;
  await nothingOpen(open);
});

test('one that breaks says why, and in the words of the VM', async () => {
  const bytes = new PassThrough();
  const explained = <T>(work: Promise<T>): Promise<T> =>
    work.catch(() => {
      throw new BangerError('vmm_gone', 'It ended.', { hint: 'h' });
    });
  const { pick } = made((streams) => offerCopyOut(streams, { bytes, told: explained }));
  const stream = pick();
  bytes.write('half');
  setImmediate(() => bytes.destroy(new BangerError('agent_lost', 'Gone.')));
  expect(await frames(stream)).toEqual({
    bytes: 'half',
    end: { error: { code: 'vmm_gone', message: 'It ended.', hint: 'h' } },
  });
});

test('a guest that goes silent holds nothing once the client has left', async () => {
  const bytes = new PassThrough();
  const { pick, open } = made((streams) => offerCopyOut(streams, { bytes, told }));
  pick().destroy();
  await once(bytes, 'close');
  await nothingOpen(open);
});

test('one that nobody picks up is let go', () => {
  const bytes = new PassThrough();
  const { withdraw } = made((streams) => offerCopyOut(streams, { bytes, told }));
  withdraw();
  expect(bytes.destroyed).toBe(true);
});

test('a tree comes in whole', async () => {
  let got = '';
  const { pick, open } = made((streams, callerGone) =>
    offerCopyIn(
      streams,
      async (tree) => {
        got = (await buffer(tree)).toString();
      },
      callerGone,
    ),
  );
  const stream = pick();
  await sent(stream, 'one', 'two', '');
  expect(await frames(stream)).toEqual({ bytes: '', end: {} });
  expect(got).toBe('onetwo');
  stream.end();
  await nothingOpen(open);
});

test('half a tree is never taken for a whole one', async () => {
  let outcome: unknown;
  const { pick, open } = made((streams, callerGone) =>
    offerCopyIn(
      streams,
      async (tree) => {
        outcome = await buffer(tree).catch((error: Error) => error.message);
      },
      callerGone,
    ),
  );
  const stream = pick();
  await sent(stream, 'half');
  stream.end();
  await expect.poll(() => outcome, { timeout: 2_000 }).toMatch(/left before the end/);
  await nothingOpen(open);
});

test('a client whose connection breaks holds nothing', async () => {
  let outcome: unknown;
  const { pick, open } = made((streams, callerGone) =>
    offerCopyIn(
      streams,
      async (tree) => {
        outcome = await buffer(tree).catch(() => 'broken');
      },
      callerGone,
    ),
  );
  const stream = pick();
  await sent(stream, 'half');
  stream.destroy();
  await expect.poll(() => outcome, { timeout: 2_000 }).toBe('broken');
  await nothingOpen(open);
});

test('a refusal reaches a client that sends nothing, and one that goes on sending', async () => {
  for (const more of [[], Array.from({ length: 200 }, () => 'x'.repeat(60_000))]) {
    const { pick, open } = made((streams, callerGone) =>
      offerCopyIn(
        streams,
        async (tree) => {
          tree.on('error', () => undefined);
          tree.read();
          await new Promise((resolve) => void setImmediate(resolve));
          tree.destroy();
          throw new BangerError('guest_failed', 'No.', { hint: '' });
        },
        callerGone,
      ),
    );
    const stream = pick();
    void sent(stream, ...more);
    expect(await frames(stream)).toMatchObject({ end: { error: { code: 'guest_failed' } } });
    stream.end();
    await nothingOpen(open);
  }
});

test('a client that leaves while nobody takes what it sends holds nothing: its own stream does not tell', async () => {
  let outcome: unknown;
  const { pick, leave, open } = made((streams, callerGone) =>
    offerCopyIn(
      streams,
      async (_tree, signal) => {
        await once(signal, 'abort');
        outcome = 'ended';
      },
      callerGone,
    ),
  );
  void sent(pick(), ...Array.from({ length: 200 }, () => 'x'.repeat(60_000)));
  await new Promise((resolve) => void setImmediate(resolve));
  leave();
  await expect.poll(() => outcome, { timeout: 2_000 }).toBe('ended');
  await nothingOpen(open);
});
