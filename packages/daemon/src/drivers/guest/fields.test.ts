import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FieldReader, FieldWriter } from './fields.ts';

const broken = { code: 'agent_protocol' };
const read = (fields: FieldWriter): FieldReader => new FieldReader(fields.encode(), 'a test');

test('what is written is read', () => {
  const fields = read(
    new FieldWriter()
      .u8(1, 255)
      .u16(2, 65_535)
      .u32(3, 4_294_967_295)
      .u64(4, 18_446_744_073_709_551_615n)
      .text(5, 'grüße', 'text')
      .flag(6)
      .nested(7, new FieldWriter().u8(1, 1))
      .nested(7, new FieldWriter().u8(1, 2)),
  );
  expect([fields.number(1), fields.number(2), fields.number(3), fields.integer(4)]).toEqual([
    255,
    65_535,
    4_294_967_295,
    18_446_744_073_709_551_615n,
  ]);
  expect([fields.text(5), fields.has(6), fields.has(8), fields.number(9)]).toEqual([
    'grüße',
    true,
    false,
    undefined,
  ]);
  expect(fields.nested(7, 2).map((inner) => inner.number(1))).toEqual([1, 2]);
});

test('no bytes make it throw anything but agent_protocol', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(10), (bytes, tag) => {
      let error: unknown;
      try {
        const fields = new FieldReader(bytes, 'a test');
        fields.list(tag, 3);
        fields.integer(tag);
        fields.number(tag);
        fields.text(tag);
        fields.nested(tag, 3);
      } catch (thrown) {
        error = thrown;
      }
      if (error !== undefined) expect(error).toMatchObject(broken);
    }),
    { numRuns: 2_000 },
  );
});

test('fields survive a round trip, whatever their bytes', () => {
  const field = fc.tuple(fc.nat(65_535), fc.uint8Array({ maxLength: 50 }));
  fc.assert(
    fc.property(fc.uniqueArray(field, { selector: ([tag]) => tag }), (all) => {
      const writer = new FieldWriter();
      for (const [tag, bytes] of all) writer.bytes(tag, bytes);
      const fields = read(writer);
      for (const [tag, bytes] of all) expect(Buffer.from(fields.bytes(tag) ?? []).equals(bytes)).toBe(true);
    }),
  );
});

test.each([
  ['a field longer than its message', Buffer.from([0, 1, 0, 0, 0, 9, 1]), 'longer than its message'],
  ['a field of four gigabytes', Buffer.from([0, 1, 255, 255, 255, 255]), 'longer than its message'],
  ['a field cut off in its head', Buffer.from([0, 1, 0]), 'cut off a field'],
])('refuses %s', (_name, bytes, message) => {
  expect(() => new FieldReader(bytes, 'a test')).toThrow(message);
});

test('refuses values of the wrong shape', () => {
  const fields = read(
    new FieldWriter()
      .bytes(1, Buffer.alloc(3))
      .u64(2, 1n << 60n)
      .u8(3, 1)
      .u8(3, 2)
      .bytes(4, Buffer.alloc(0)),
  );
  expect(() => fields.integer(1)).toThrow('an integer of 3 bytes');
  expect(() => fields.number(2)).toThrow('an absurd value');
  expect(() => fields.number(3)).toThrow('repeated field 3');
  expect(() => fields.list(3, 1)).toThrow('2 entries');
  expect(() => fields.integer(4)).toThrow('an integer of 0 bytes');
  expect(() => fields.required(fields.number(9), 'the answer')).toThrow('left out the answer');
});

test('text of the guest cannot speak to a terminal', () => {
  const fields = read(
    new FieldWriter()
      .bytes(1, Buffer.from('a\u001b[31mb\u009bc\nd\u202ee\0'))
      .bytes(2, Buffer.from([0x61, 0xff, 0x62]))
      .bytes(3, Buffer.alloc(60_000, 'x')),
  );
  expect(fields.text(1)).toBe('a\ufffd[31mb\ufffdc\ufffdd\ufffde\ufffd');
  expect(fields.text(2)).toBe('a\ufffdb');
  expect(fields.text(3)).toHaveLength(1025);
});

test('text for the guest holds no NUL', () => {
  expect(() => new FieldWriter().text(1, 'a\0b', 'host name')).toThrow('The host name holds a NUL');
});
