import { describe, expect, test } from 'vitest';
import { SingleFlight } from './single-flight.ts';
import type { StageContext } from './stage-progress.ts';

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  const { promise, resolve } = Promise.withResolvers<void>();
  return { promise, resolve };
}

function caller(): StageContext & { readonly stop: AbortController; readonly seen: string[] } {
  const stop = new AbortController();
  const seen: string[] = [];
  return { stop, seen, signal: stop.signal, onProgress: ({ stage }) => seen.push(stage) };
}

describe('work done once for all who ask', () => {
  test('one call of the work, one result, progress for all, also for who comes late', async () => {
    const flights = new SingleFlight<number>();
    const gate = deferred();
    let calls = 0;
    const work = async ({ onProgress }: StageContext): Promise<number> => {
      calls += 1;
      onProgress({ stage: 'first' });
      await gate.promise;
      onProgress({ stage: 'second' });
      return 7;
    };
    const [a, b] = [caller(), caller()];
    const first = flights.run('k', a, work);
    await Promise.resolve();
    await Promise.resolve();
    const second = flights.run('k', b, work);
    gate.resolve();
    expect(await Promise.all([first, second])).toEqual([7, 7]);
    expect([calls, a.seen, b.seen]).toEqual([1, ['first', 'second'], ['first', 'second']]);
    expect(await flights.run('k', a, async () => 8)).toBe(8);
  });

  test('who leaves is answered at once; the last to leave stops the work and waits for its end', async () => {
    const flights = new SingleFlight<number>();
    const cleaned = deferred();
    let isClean = false;
    const work = ({ signal }: StageContext): Promise<number> =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          void cleaned.promise.then(() => {
            isClean = true;
            reject(new Error('stopped'));
          });
        });
      });
    const [a, b] = [caller(), caller()];
    const first = flights.run('k', a, work);
    const second = flights.run('k', b, work);
    a.stop.abort();
    await expect(first).rejects.toMatchObject({ code: 'cancelled' });
    b.stop.abort();
    await Promise.resolve();
    await Promise.resolve();
    const waits = flights.run('k', caller(), async () => 9);
    const idle = flights.idle('other', a.signal);
    cleaned.resolve();
    await expect(second).rejects.toMatchObject({ code: 'cancelled', cause: { message: 'stopped' } });
    expect(isClean).toBe(true);
    expect(await waits).toBe(9);
    await idle;
  });

  test('a failure reaches all, and the next call starts anew', async () => {
    const flights = new SingleFlight<number>();
    const fails = async (): Promise<number> => {
      throw new Error('no luck');
    };
    const results = await Promise.allSettled([
      flights.run('k', caller(), fails),
      flights.run('k', caller(), fails),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await flights.run('k', caller(), async () => 1)).toBe(1);
  });

  test('a caller cancelled before it begins starts nothing; idle can be cancelled', async () => {
    const flights = new SingleFlight<number>();
    const late = caller();
    late.stop.abort();
    let calls = 0;
    const counts = async (): Promise<number> => (calls += 1);
    await expect(flights.run('k', late, counts)).rejects.toMatchObject({ code: 'cancelled' });
    expect(calls).toBe(0);
    const gate = deferred();
    const running = flights.run('k', caller(), async () => {
      await gate.promise;
      return 1;
    });
    await expect(flights.idle('k', late.signal)).rejects.toMatchObject({ code: 'cancelled' });
    gate.resolve();
    await running;
    await flights.idle('k', late.signal);
  });
});
