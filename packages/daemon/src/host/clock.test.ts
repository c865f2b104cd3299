import { expect, test } from 'vitest';
import { systemClock } from './clock.ts';

test('a sleep lasts as long as it says and the monotonic clock shows it', async () => {
  const before = systemClock.monotonic();
  await systemClock.sleep(30);
  // A timer may fire up to a millisecond early.
  expect(systemClock.monotonic() - before).toBeGreaterThanOrEqual(29);
});

test('a sleep ends at once when cancelled, also when that was before', async () => {
  const abort = new AbortController();
  const sleeping = systemClock.sleep(60_000, abort.signal);
  abort.abort();
  await expect(sleeping).rejects.toMatchObject({ code: 'cancelled' });
  await expect(systemClock.sleep(60_000, abort.signal)).rejects.toMatchObject({ code: 'cancelled' });
});
