import { once } from 'node:events';
import { PassThrough, Readable, duplexPair } from 'node:stream';
import pino from 'pino';
import { expect, test } from 'vitest';
import { StreamOffers } from './streams.ts';

/** Offers, and how many streams they count as work. */
function counted(): { offers: StreamOffers; open: () => number } {
  let open = 0;
  const streaming = (): (() => void) => {
    open += 1;
    return () => void (open -= 1);
  };
  return { offers: new StreamOffers({ streaming }, pino({ level: 'silent' })), open: () => open };
}

test('a promised stream is work from its promise to its end', async () => {
  const { offers, open } = counted();
  const { stream } = offers.offerReadable(Readable.from([Buffer.from('abc')]));
  expect(open()).toBe(1);
  const [ours, theirs] = duplexPair();
  const received = theirs.toArray();
  offers.registry.take(stream)?.(ours);
  expect(open()).toBe(1);
  expect(
    Buffer.concat((await received) as Buffer[])
      .subarray(-3)
      .toString(),
  ).toBe('abc');
  theirs.end();
  await once(theirs, 'close');
  expect(open()).toBe(0);
});

test('one that only looks is no work', () => {
  const { offers, open } = counted();
  offers.offerReadable(new PassThrough(), { kind: 'look' });
  expect(open()).toBe(0);
});

test('one that nobody picks up is work no more when it has expired, and is dropped', () => {
  const { offers, open } = counted();
  const readable = new PassThrough();
  const { stream } = offers.offerReadable(readable);
  offers.registry.withdraw(stream);
  expect([open(), readable.destroyed]).toEqual([0, true]);
  offers.registry.withdraw(stream);
  expect(open()).toBe(0);
});

test('one whose client leaves is work no more', async () => {
  const { offers, open } = counted();
  const endless = new PassThrough();
  const { stream } = offers.offerReadable(endless);
  const [ours, theirs] = duplexPair();
  offers.registry.take(stream)?.(ours);
  ours.destroy();
  theirs.destroy();
  await once(endless, 'close');
  await new Promise((resolve) => void setImmediate(resolve));
  expect(open()).toBe(0);
});
