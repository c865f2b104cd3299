import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteQueue } from './byte-queue.ts';

const sizes = fc.array(fc.nat(40_000), { maxLength: 12 });
const takes = fc.array(fc.record({ exactly: fc.boolean(), count: fc.nat(30_000) }), { maxLength: 40 });

test('gives back the bytes it was given, in order, however they are pushed and taken', () => {
  fc.assert(
    fc.property(sizes, takes, (pushes, wishes) => {
      const queue = new ByteQueue();
      const given: Buffer[] = [];
      const taken: Uint8Array[] = [];
      for (const [index, size] of pushes.entries()) {
        const bytes = Buffer.alloc(size, index + 1);
        given.push(bytes);
        queue.push(bytes);
        const wish = wishes[index];
        if (wish === undefined) continue;
        const before = queue.length;
        const got = wish.exactly ? queue.takeExactly(wish.count) : queue.take(wish.count);
        if (wish.exactly) expect(got?.length).toBe(before < wish.count ? undefined : wish.count);
        else expect(got?.length ?? 0).toBeLessThanOrEqual(wish.count);
        expect(queue.length).toBe(before - (got?.length ?? 0));
        if (got !== undefined) taken.push(Buffer.from(got));
      }
      for (let rest = queue.take(7_000); rest !== undefined; rest = queue.take(7_000))
        taken.push(Buffer.from(rest));
      expect(Buffer.concat(taken).equals(Buffer.concat(given))).toBe(true);
    }),
  );
});

test('bytes taken are not overwritten by bytes pushed later', () => {
  const queue = new ByteQueue();
  queue.push(Buffer.from('first'));
  const first = queue.take(5);
  for (let round = 0; round < 5_000; round += 1) {
    queue.push(Buffer.from('later'));
    queue.take(5);
  }
  expect(Buffer.from(first ?? []).toString()).toBe('first');
});

test('tiny pieces do not keep the big buffers alive that they came in', () => {
  const queue = new ByteQueue();
  for (let piece = 0; piece < 1_000; piece += 1) queue.push(Buffer.alloc(65_536).subarray(0, 10));
  const buffers = new Set<ArrayBufferLike>();
  for (let part = queue.take(100); part !== undefined; part = queue.take(100)) buffers.add(part.buffer);
  expect([...buffers].reduce((sum, { byteLength }) => sum + byteLength, 0)).toBe(16_384);
});

test('big pieces are not copied', () => {
  const queue = new ByteQueue();
  const bytes = Buffer.alloc(65_536);
  queue.push(bytes);
  expect(queue.take(65_536)?.buffer).toBe(bytes.buffer);
});
