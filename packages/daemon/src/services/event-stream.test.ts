import { once } from 'node:events';
import type { DaemonEvent } from '@banger/contract/event';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { EventStream } from './event-stream.ts';
import { EventBus } from './events.ts';

const clock = { now: () => 0 };
const first = (bus: EventBus) => () => bus.timed({ event: 'snapshot', vms: [], operations: [] });
const name = (event: DaemonEvent): string =>
  'image' in event ? event.image : 'count' in event ? `${event.count} lost` : event.event;

/** What a stream has to say now. */
function read(stream: EventStream): string[] {
  const names: string[] = [];
  for (let chunk = stream.read() as Buffer | null; chunk !== null; chunk = stream.read() as Buffer | null)
    for (const line of chunk.toString().trimEnd().split('\n'))
      names.push(name(JSON.parse(line) as DaemonEvent));
  return names;
}

test('begins with how things stand when it is first read, and misses nothing from then on', () => {
  const bus = new EventBus(clock);
  const stream = new EventStream(bus, { first: first(bus), wants: (event) => name(event) !== 'other' });
  bus.tell({ event: 'image.added', image: 'too early' });
  expect(read(stream)).toEqual(['snapshot']);
  for (const image of ['one', 'other', 'two']) bus.tell({ event: 'image.added', image });
  expect(read(stream)).toEqual(['one', 'two']);
});

test('whatever a reader misses is counted, in the place where it is missing, and nobody waits for it', () => {
  // Larger than what Node keeps by itself, so that the stream's own bound is met.
  const padding = 'x'.repeat(20_000);
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 40 }), (turns) => {
      const bus = new EventBus(clock);
      const stream = new EventStream(bus, { first: first(bus), wants: () => true }, 3);
      const seen = read(stream);
      let sent = 0;
      for (const reads of turns) {
        if (reads) seen.push(...read(stream));
        else bus.tell({ event: 'image.added', image: `${(sent += 1)} ${padding}` });
      }
      seen.push(...read(stream));
      let next = 1;
      for (const each of seen.slice(1)) {
        const number = Number(each.split(' ')[0]);
        if (!each.endsWith('lost')) expect(number).toBe(next);
        next += each.endsWith('lost') ? number : 1;
      }
      expect(next - 1).toBe(sent);
    }),
  );
});

test('one that is destroyed listens no more', async () => {
  const bus = new EventBus(clock);
  let asked = 0;
  const stream = new EventStream(bus, { first: first(bus), wants: () => (asked += 1) > 0 });
  read(stream);
  stream.destroy();
  await once(stream, 'close');
  bus.tell({ event: 'image.added', image: 'x' });
  expect(asked).toBe(0);
});
