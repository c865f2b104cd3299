import { describe, expect, test } from 'vitest';
import { VmLocks } from './locks.ts';

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the VM lock', () => {
  test('lets one call in at a time, in the order of asking', async () => {
    const locks = new VmLocks();
    const seen: string[] = [];
    const call = (name: string) =>
      locks.hold('a', {}, async () => {
        seen.push(`${name} in`);
        await tick();
        seen.push(`${name} out`);
      });
    await Promise.all([call('1'), call('2'), call('3')]);
    expect(seen).toEqual(['1 in', '1 out', '2 in', '2 out', '3 in', '3 out']);
    await tick();
    expect(locks.isBusy('a')).toBe(false);
  });

  test('does not make calls on different VMs wait for each other', async () => {
    const locks = new VmLocks();
    const { promise, resolve } = Promise.withResolvers<void>();
    const first = locks.hold('a', {}, () => promise);
    await locks.hold('b', {}, async () => {});
    resolve();
    await first;
  });

  test('a preempting call cancels a preemptible holder, and waits until its undo has run', async () => {
    const locks = new VmLocks();
    const seen: string[] = [];
    const start = locks.hold('a', { preemptible: true }, async (signal) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      await tick();
      seen.push('undone');
      throw new Error('cancelled');
    });
    await tick();
    const stop = locks.hold('a', { preempt: true }, async () => void seen.push('stop'));
    await expect(start).rejects.toThrow('cancelled');
    await stop;
    expect(seen).toEqual(['undone', 'stop']);
  });

  test('a holder that is not preemptible is waited for', async () => {
    const locks = new VmLocks();
    let aborted = false;
    const first = locks.hold('a', {}, async (signal) => {
      signal.addEventListener('abort', () => (aborted = true));
      await tick();
      await tick();
    });
    await tick();
    await locks.hold('a', { preempt: true }, async () => {});
    await first;
    expect(aborted).toBe(false);
  });

  test('a waiter that gives up is refused at once, and those behind it still wait for the holder', async () => {
    const locks = new VmLocks();
    const { promise, resolve } = Promise.withResolvers<void>();
    const seen: string[] = [];
    const holder = locks.hold('a', {}, async () => {
      await promise;
      seen.push('holder done');
    });
    const controller = new AbortController();
    const waiter = locks.hold('a', { signal: controller.signal }, async () => void seen.push('waiter'));
    const third = locks.hold('a', {}, async () => void seen.push('third'));
    controller.abort();
    await expect(waiter).rejects.toMatchObject({ code: 'cancelled' });
    resolve();
    await Promise.all([holder, third]);
    expect(seen).toEqual(['holder done', 'third']);
  });

  test('a preempting call also cancels those that wait before it, which take nobody’s turn', async () => {
    const locks = new VmLocks();
    const { promise, resolve } = Promise.withResolvers<void>();
    const seen: string[] = [];
    const stopping = locks.hold('a', { preempt: true }, () => promise);
    const start = locks.hold('a', { preemptible: true }, async () => void seen.push('start'));
    const remove = locks.hold('a', { preempt: true }, async () => void seen.push('delete'));
    const later = locks.hold('a', { preemptible: true }, async () => void seen.push('later'));
    await expect(start).rejects.toMatchObject({
      code: 'cancelled',
      message: expect.stringMatching(/^Another/),
    });
    resolve();
    await Promise.all([stopping, remove, later]);
    expect(seen).toEqual(['delete', 'later']);
    expect(locks.isBusy('a')).toBe(false);
  });

  test('a call whose caller has left already cancels nobody', async () => {
    const locks = new VmLocks();
    let aborted = false;
    const { promise, resolve } = Promise.withResolvers<void>();
    const start = locks.hold('a', { preemptible: true }, async (signal) => {
      signal.addEventListener('abort', () => (aborted = true));
      await promise;
    });
    await tick();
    const stop = locks.hold('a', { preempt: true, signal: AbortSignal.abort() }, async () => undefined);
    await expect(stop).rejects.toMatchObject({ code: 'cancelled' });
    resolve();
    await start;
    expect(aborted).toBe(false);
  });

  test('a call can be cancelled from the moment it asks for a free lock', async () => {
    const locks = new VmLocks();
    const start = locks.hold('a', { preemptible: true }, async (signal) => {
      await tick();
      return signal.aborted;
    });
    const stop = locks.hold('a', { preempt: true }, async () => undefined);
    expect(await start).toBe(true);
    await stop;
  });
});
