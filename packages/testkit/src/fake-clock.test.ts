import { expect, test } from 'vitest';
import { FakeClock } from './fake-clock.ts';

test('sleeps end in order, also those begun on the way', async () => {
  const clock = new FakeClock(1_000);
  const woken: string[] = [];
  void clock.sleep(20).then(() => woken.push(`b${clock.monotonic()}`));
  void clock
    .sleep(10)
    .then(() => woken.push(`a${clock.monotonic()}`))
    .then(() => clock.sleep(5))
    .then(() => woken.push(`c${clock.monotonic()}`));
  await clock.advance(9);
  expect(woken).toEqual([]);
  await clock.advance(11);
  expect(woken).toEqual(['a10', 'c15', 'b20']);
  expect(clock.now()).toBe(1_020);
});

test('setting the time of day moves no deadline', async () => {
  const clock = new FakeClock(1_000);
  clock.setNow(0);
  await clock.advance(5);
  expect([clock.now(), clock.monotonic()]).toEqual([5, 5]);
});

test('a cancelled sleep rejects and is forgotten', async () => {
  const clock = new FakeClock();
  const abort = new AbortController();
  const sleeping = clock.sleep(10, abort.signal);
  abort.abort();
  await expect(sleeping).rejects.toMatchObject({ code: 'cancelled' });
  expect(clock.sleeping).toBe(0);
  await expect(clock.sleep(10, abort.signal)).rejects.toMatchObject({ code: 'cancelled' });
});
