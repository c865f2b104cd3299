import { isBangerError } from '@banger/contract/error';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeFrameHeader, FrameParser, FrameType, type FrameHeader } from './frame.ts';
import { MAX_FRAME_BYTES } from './limits.ts';

/** Frames in the order seen, with their payload put together. */
function parse(chunks: readonly Buffer[]): {
  frames: { header: FrameHeader; payload: Buffer }[];
  error?: unknown;
} {
  const frames: { header: FrameHeader; parts: Buffer[] }[] = [];
  const parser = new FrameParser({
    frame: (header) => frames.push({ header, parts: [] }),
    payload: (part) => frames.at(-1)?.parts.push(Buffer.from(part)),
  });
  const seen = (): { header: FrameHeader; payload: Buffer }[] =>
    frames.map(({ header, parts }) => ({ header, payload: Buffer.concat(parts) }));
  try {
    for (const chunk of chunks) parser.push(chunk);
    return { frames: seen() };
  } catch (error) {
    return { frames: seen(), error };
  }
}

function chunked(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...cuts.map((cut) => cut % (bytes.length + 1)), 0, bytes.length].sort((a, b) => a - b);
  return places.slice(1).map((place, index) => bytes.subarray(places[index], place));
}

const frame = fc
  .record({
    type: fc.integer({ min: 0, max: 3 }),
    flags: fc.integer({ min: 0, max: 15 }),
    streamId: fc.nat(0xffffffff),
    size: fc.nat(300),
    value: fc.nat(0xffffffff),
  })
  .map(({ type, flags, streamId, size, value }) =>
    type === FrameType.data
      ? Buffer.concat([encodeFrameHeader(type, flags, streamId, size), Buffer.alloc(size, value)])
      : encodeFrameHeader(type, flags, streamId, value),
  );
/** Mostly right frames, with noise between them. */
const stream = fc.array(fc.oneof({ weight: 9, arbitrary: frame }, fc.uint8Array({ maxLength: 20 })), {
  maxLength: 12,
});

test('bytes are the same frames however they are chunked', () => {
  fc.assert(
    fc.property(stream, fc.array(fc.nat(), { maxLength: 30 }), (parts, cuts) => {
      const bytes = Buffer.concat(parts);
      const whole = parse([bytes]);
      const cut = parse(chunked(bytes, cuts));
      const single = parse(chunked(bytes, [...bytes.keys()]));
      for (const other of [cut, single]) {
        expect(other.frames).toEqual(whole.frames);
        expect(isBangerError(other.error) ? other.error.message : other.error).toBe(
          isBangerError(whole.error) ? whole.error.message : whole.error,
        );
      }
    }),
  );
});

test('no bytes make it throw anything but agent_protocol', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 20 }), (chunks) => {
      const { error } = parse(chunks.map((chunk) => Buffer.from(chunk)));
      if (error !== undefined) expect(error).toMatchObject({ code: 'agent_protocol' });
    }),
  );
});

test.each([
  ['a wrong version', Buffer.from([1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0]), 'version 1'],
  ['an unknown type', encodeFrameHeader(4, 0, 1, 0), 'unknown type 4'],
  ['unknown flags', encodeFrameHeader(0, 16, 1, 0), 'unknown flags 16'],
  ['a frame over the limit', encodeFrameHeader(0, 0, 1, MAX_FRAME_BYTES + 1), 'at most 65536'],
])('refuses %s', (_name, bytes, message) => {
  expect(parse([bytes]).error).toMatchObject({
    code: 'agent_protocol',
    message: expect.stringContaining(message),
  });
});

test('hands payloads on before their frame is whole', () => {
  const { frames } = parse([encodeFrameHeader(0, 0, 1, MAX_FRAME_BYTES), Buffer.from('so far')]);
  expect(frames[0]?.payload.toString()).toBe('so far');
});
