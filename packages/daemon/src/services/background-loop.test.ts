import { FakeClock } from '@banger/testkit/fake-clock';
import pino from 'pino';
import { beforeEach, expect, test } from 'vitest';
import { startChores, type Chore } from './background-loop.ts';

let clock: FakeClock;
let lines: { readonly chore?: string; readonly error?: string }[];
let ends: AbortController;

beforeEach(() => {
  clock = new FakeClock();
  lines = [];
  ends = new AbortController();
});

function start(...chores: Chore[]): void {
  const write = (line: string): void => void lines.push(JSON.parse(line) as (typeof lines)[number]);
  startChores(chores, { clock, log: pino({}, { write }) }, ends.signal);
}

test('each chore is done at its own pace', async () => {
  const done: string[] = [];
  const chore = (name: string, pauseMs: number): Chore => ({
    ...{ name, pauseMs },
    run: async () => void done.push(`${name} ${clock.monotonic()}`),
  });
  start(chore('slow', 1_000), chore('quick', 400));
  expect(done).toEqual([]);
  await clock.advance(2_000);
  expect(done).toEqual([
    'quick 400',
    'quick 800',
    'slow 1000',
    'quick 1200',
    'quick 1600',
    'slow 2000',
    'quick 2000',
  ]);
});

test('a round waits for the one before, and keeps no other chore waiting', async () => {
  const rounds: PromiseWithResolvers<void>[] = [];
  let others = 0;
  start(
    {
      ...{ name: 'long', pauseMs: 10 },
      run: () => {
        const round = Promise.withResolvers<void>();
        rounds.push(round);
        return round.promise;
      },
    },
    { name: 'other', pauseMs: 10, run: async () => void (others += 1) },
  );
  await clock.advance(100);
  expect([rounds.length, others]).toEqual([1, 10]);
  rounds[0]?.resolve();
  await clock.advance(0);
  await clock.advance(10);
  expect(rounds).toHaveLength(2);
});

test('a round that fails is told, and is not the last', async () => {
  let rounds = 0;
  start({
    ...{ name: 'clumsy', pauseMs: 10 },
    run: async () => {
      rounds += 1;
      throw new Error(`round ${rounds}`);
    },
  });
  await clock.advance(20);
  expect(rounds).toBe(2);
  expect(lines).toMatchObject([
    { chore: 'clumsy', error: expect.stringContaining('round 1') },
    { chore: 'clumsy', error: expect.stringContaining('round 2') },
  ]);
});

test('all end at once with the daemon, whatever they are doing, and say nothing of it', async () => {
  let told: AbortSignal | undefined;
  start(
    { name: 'sleeping', pauseMs: 1_000_000, run: () => Promise.reject(new Error('no')) },
    {
      ...{ name: 'working', pauseMs: 10 },
      run: async (signal) => {
        told = signal;
        await clock.sleep(1_000_000, signal);
      },
    },
  );
  await clock.advance(10);
  ends.abort();
  expect(told?.aborted).toBe(true);
  await clock.advance(0);
  expect(clock.sleeping).toBe(0);
  expect(lines).toEqual([]);
});
