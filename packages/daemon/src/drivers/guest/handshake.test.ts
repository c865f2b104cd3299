import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FieldWriter } from './fields.ts';
import { AnswerScanner, encodeHello, HelloTag, RepeatSkipper, type FoundAnswer } from './handshake.ts';

const nonce = randomBytes(16);
const MAGIC = Buffer.from('banger-agent-v1\n');

function fieldsOf(changes: Partial<Record<keyof typeof HelloTag, number>> = {}): Buffer {
  return new FieldWriter()
    .u32(HelloTag.generation, changes.generation ?? 1)
    .text(HelloTag.agentVersion, '0.1.0', 'version')
    .text(HelloTag.bootId, 'boot', 'boot id')
    .u8(HelloTag.configured, changes.configured ?? 0)
    .text(HelloTag.init, 'agent', 'init')
    .encode();
}

function answer(fields = fieldsOf(), toNonce: Uint8Array = nonce, length = fields.length): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt32BE(length);
  return Buffer.concat([MAGIC, toNonce, head, fields]);
}

function scan(bytes: Buffer, cuts: readonly number[]): FoundAnswer | undefined {
  const scanner = new AnswerScanner(nonce);
  const places = [...cuts.map((cut) => cut % (bytes.length + 1)), 0, bytes.length].sort((a, b) => a - b);
  for (const [index, place] of places.slice(1).entries()) {
    const found = scanner.push(bytes.subarray(places[index], place));
    if (found !== undefined)
      return { hello: found.hello, rest: Buffer.concat([found.rest, bytes.subarray(place)]) };
  }
  return undefined;
}

const hello = { generation: 1, agentVersion: '0.1.0', bootId: 'boot', configured: false, init: 'agent' };

test('a hello has 64 bytes: magic, key, nonce', () => {
  const bytes = encodeHello(Buffer.alloc(32, 1), Buffer.alloc(16, 2));
  expect(bytes).toHaveLength(64);
  expect(bytes.toString('latin1')).toBe(`banger-hello-v1\n${'\x01'.repeat(32)}${'\x02'.repeat(16)}`);
  expect(() => encodeHello(Buffer.alloc(31), nonce)).toThrow('32 bytes');
});

test('the answer is found after any bytes, however they are chunked, and what follows is kept', () => {
  const noise = fc.array(
    fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.constant(MAGIC),
      fc.nat(31).map((length) => answer().subarray(0, length)),
      fc.constant(answer(fieldsOf(), randomBytes(16))),
    ),
    { maxLength: 6 },
  );
  fc.assert(
    fc.property(
      noise,
      fc.uint8Array({ maxLength: 60 }),
      fc.array(fc.nat(), { maxLength: 20 }),
      (before, rest, cuts) => {
        const found = scan(Buffer.concat([...before, answer(), rest]), cuts);
        expect(found?.hello).toEqual(hello);
        expect(found?.rest.equals(rest)).toBe(true);
      },
    ),
  );
});

test('an answer to another nonce is none, and noise is not kept', () => {
  const scanner = new AnswerScanner(nonce);
  expect(scanner.push(answer(fieldsOf(), randomBytes(16)))).toBeUndefined();
  for (let round = 0; round < 1_000; round += 1)
    expect(scanner.push(Buffer.alloc(65_536, 'b'))).toBeUndefined();
  expect(scanner.push(answer())?.hello).toEqual(hello);
});

test('the lower generation wins', () => {
  expect(new AnswerScanner(nonce).push(answer(fieldsOf({ generation: 7 })))?.hello.generation).toBe(1);
  expect(() => new AnswerScanner(nonce).push(answer(fieldsOf({ generation: 0 })))).toThrow('generation 0');
});

test.each([
  ['an answer over the limit', answer(fieldsOf(), nonce, 4097), 'at most 4096'],
  ['an answer without its fields', answer(Buffer.alloc(0)), 'left out the generation'],
  ['an answer of noise', answer(Buffer.from('noise that is no field at all')), 'longer than its message'],
])('refuses %s', (_name, bytes, message) => {
  expect(() => new AnswerScanner(nonce).push(bytes)).toThrow(message);
});

test('no bytes after our nonce make it throw anything but agent_protocol', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      let error: unknown;
      try {
        new AnswerScanner(nonce).push(Buffer.concat([MAGIC, nonce, bytes]));
      } catch (thrown) {
        error = thrown;
      }
      if (error !== undefined) expect(error).toMatchObject({ code: 'agent_protocol' });
    }),
  );
});

test('repeated answers before the first frame are skipped, however they are chunked', () => {
  fc.assert(
    fc.property(fc.nat(3), fc.array(fc.nat(), { maxLength: 20 }), (repeats, cuts) => {
      const frames = Buffer.concat([Buffer.alloc(12), answer()]);
      const bytes = Buffer.concat([...Array.from({ length: repeats }, () => answer()), frames]);
      const skipper = new RepeatSkipper(nonce);
      const places = [...cuts.map((cut) => cut % (bytes.length + 1)), 0, bytes.length].sort((a, b) => a - b);
      for (const [index, place] of places.slice(1).entries()) {
        const first = skipper.push(bytes.subarray(places[index], place));
        if (first === undefined) continue;
        expect(Buffer.concat([first, bytes.subarray(place)]).equals(frames)).toBe(true);
        return;
      }
      expect.unreachable('the frame was swallowed');
    }),
  );
});
