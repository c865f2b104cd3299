import { expect, test, vi } from 'vitest';
import { watchForBugs } from './bug-watch.ts';

test('a rejection that nobody awaited is recorded and survived, an uncaught exception recorded and the end', () => {
  const log = {
    error: vi.fn<(facts: object, text: string) => void>(),
    fatal: vi.fn<(facts: object, text: string) => void>(),
  };
  const exit = vi.fn<(status: number) => void>();
  const before = {
    rejection: process.listeners('unhandledRejection'),
    exception: process.listeners('uncaughtException'),
  };
  const end = watchForBugs(log, exit);
  // Called themselves: to emit the events would reach the test runner's own listeners too.
  const [onRejection] = process
    .listeners('unhandledRejection')
    .filter((listener) => !before.rejection.includes(listener));
  const [onException] = process
    .listeners('uncaughtException')
    .filter((listener) => !before.exception.includes(listener));
  onRejection?.(new Error('lost'), Promise.resolve());
  expect(log.error.mock.calls[0]?.[0]).toMatchObject({
    error: 'Error: lost',
    stack: expect.stringContaining('bug-watch.test.ts') as unknown,
  });
  onRejection?.('a text', Promise.resolve());
  expect(exit).not.toHaveBeenCalled();
  onException?.(new Error('broken'), 'uncaughtException');
  expect(log.fatal.mock.calls[0]?.[0]).toMatchObject({ error: 'Error: broken' });
  expect(exit).toHaveBeenCalledExactlyOnceWith(1);
  end();
  expect(process.listeners('unhandledRejection')).toEqual(before.rejection);
  expect(process.listeners('uncaughtException')).toEqual(before.exception);
});
