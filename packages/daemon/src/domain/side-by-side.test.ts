import { BangerError } from '@banger/contract/error';
import { expect, test } from 'vitest';
import { sideBySide } from './side-by-side.ts';

const never = new AbortController().signal;

/** Work that goes on until it is told to end, and then takes a moment. */
function long(log: string[]): (signal: AbortSignal) => Promise<string> {
  return async (signal) => {
    if (!signal.aborted)
      await new Promise((resolve) => {
        signal.addEventListener('abort', resolve, { once: true });
      });
    await new Promise((resolve) => setTimeout(resolve, 5));
    log.push('ended');
    throw new BangerError('cancelled', 'Stopped.');
  };
}

test('gives all results in order', async () => {
  const late = (value: number) => async () =>
    new Promise<number>((resolve) => void setTimeout(resolve, 5, value));
  expect(await sideBySide(never, [late(1), async () => 'two', late(3)])).toEqual([1, 'two', 3]);
});

test('a failure ends the others and waits for them; it is what is thrown', async () => {
  const log: string[] = [];
  const fail = async (): Promise<never> => {
    throw new BangerError('disk_full', 'Full.');
  };
  await expect(sideBySide(never, [long(log), fail, long(log)])).rejects.toMatchObject({ code: 'disk_full' });
  expect(log).toEqual(['ended', 'ended']);
});

test("the caller's signal ends all of them", async () => {
  const log: string[] = [];
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 5);
  await expect(sideBySide(stop.signal, [long(log), long(log)])).rejects.toMatchObject({ code: 'cancelled' });
  expect(log).toEqual(['ended', 'ended']);
});
