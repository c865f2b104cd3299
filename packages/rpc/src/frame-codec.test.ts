import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProtocolFault } from './errors.ts';
import { FrameDecoder, FrameEncoder, type Frame, type FrameFormat } from './frame-codec.ts';

const format: FrameFormat = { kinds: new Set([0, 1, 2, 3]), maxPayloadBytes: 100 };

async function encode(frames: readonly Frame[], using = format): Promise<Buffer> {
  return Buffer.concat(await Readable.from(frames).pipe(new FrameEncoder(using)).toArray());
}

async function decode(chunks: readonly Buffer[], using = format): Promise<Frame[]> {
  const frames: Frame[] = [];
  await pipeline(
    Readable.from(chunks),
    new FrameDecoder(using),
    new Writable({
      objectMode: true,
      write: (frame: Frame, _encoding, done) => {
        frames.push(frame);
        done();
      },
    }),
  );
  return frames;
}

/** Cuts bytes at the given places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const ends = [...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b);
  return [...ends, bytes.length].map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end));
}

const frames = fc.array(
  fc.record({
    kind: fc.integer({ min: 0, max: 3 }),
    payload: fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
  }),
  { maxLength: 20 },
);

describe('frames', () => {
  test('are kind, length and payload', async () => {
    const bytes = await encode([
      { kind: 3, payload: Buffer.from('ab') },
      { kind: 0, payload: Buffer.alloc(0) },
    ]);
    expect(bytes.toString('hex')).toBe('03000000026162' + '0000000000');
  });

  test('come out as they went in, however the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(frames, fc.array(fc.nat(), { maxLength: 50 }), async (sent, places) => {
        const bytes = await encode(sent);
        expect(await decode(cut(bytes, places).filter((chunk) => chunk.length > 0))).toEqual(sent);
      }),
    );
  });

  test('over the cap are cut into several of their kind', async () => {
    const payload = Buffer.from(Array.from({ length: 250 }, (_, index) => index));
    const out = await decode([await encode([{ kind: 1, payload }])]);
    expect(out.map((frame) => [frame.kind, frame.payload.length])).toEqual([
      [1, 100],
      [1, 100],
      [1, 50],
    ]);
    expect(Buffer.concat(out.map((frame) => frame.payload))).toEqual(payload);
  });

  test.each([
    ['an unknown kind', '0400000000'],
    ['a payload over the cap', '0000000065'],
    ['a payload of 4 GiB', '00ffffffff'],
    ['an end inside the header', '000000'],
    ['an end behind the header', '0000000001'],
    ['an end inside the payload', '000000000261'],
  ])('%s is a fault', async (_name, hex) => {
    await expect(decode([Buffer.from(hex, 'hex')])).rejects.toThrow(ProtocolFault);
  });

  test('arbitrary bytes are frames or a fault, never anything else', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.array(fc.nat()), async (bytes, places) => {
        const chunks = cut(Buffer.from(bytes), places).filter((chunk) => chunk.length > 0);
        const outcome = await decode(chunks).catch((error: unknown) => error);
        expect(Array.isArray(outcome) || outcome instanceof ProtocolFault).toBe(true);
      }),
    );
  });
});

describe('back-pressure', () => {
  const wide: FrameFormat = { kinds: new Set([1]), maxPayloadBytes: 65_536 };

  test('a reader that stops holds the source back', async () => {
    let made = 0;
    const source = new Readable({
      read() {
        made += 1;
        this.push(Buffer.alloc(65_536));
      },
    });
    const encoder = new FrameEncoder(wide);
    const toFrames = new Writable({
      write: (payload: Buffer, _encoding, done) => {
        if (encoder.write({ kind: 1, payload })) done();
        else encoder.once('drain', () => done());
      },
    });
    const decoder = new FrameDecoder(wide);
    source.pipe(toFrames);
    encoder.pipe(decoder);
    await new Promise((resolve) => void setTimeout(resolve, 20));
    // Read by nobody, each stage fills up: 8 + 8 frames and a few on the way.
    expect(made).toBeLessThan(60);
    source.destroy();
  });

  test('payloads of one chunk are views, not copies', async () => {
    const chunk = await encode([{ kind: 1, payload: Buffer.alloc(50, 'x') }], wide);
    const [frame] = await decode([chunk], wide);
    expect(frame?.payload.buffer).toBe(chunk.buffer);
  });
});
