import { FakeClock } from '@banger/testkit/fake-clock';
import pino from 'pino';
import { expect, test } from 'vitest';
import type { GuestSession, RequestOptions } from '../../drivers/guest/driver.ts';
import type { HealthDeps } from './agent-health.ts';
import { QUESTION_MS, setClockRight } from './guest-clock.ts';
import type { LiveVm } from './live.ts';

const NS_PER_MS = 1_000_000n;

/** A guest whose clock is an hour wrong, and whose answers take so long each; resolves with the time that each request was given. */
async function limitsOf(answerMs: number): Promise<(number | undefined)[]> {
  const clock = new FakeClock();
  const limits: (number | undefined)[] = [];
  const answer = async ({ timeoutMs }: RequestOptions = {}): Promise<void> => {
    limits.push(timeoutMs);
    await clock.advance(answerMs);
  };
  const session = {
    clock: async (options?: RequestOptions) => {
      await answer(options);
      return BigInt(clock.now() - 3_600_000) * NS_PER_MS;
    },
    configure: async (_what: unknown, options?: RequestOptions) => {
      await answer(options);
      return { warnings: [] };
    },
  } as unknown as GuestSession;
  const live = { id: 'x', agent: { state: 'ready' } } as LiveVm;
  await setClockRight({ clock, log: pino({ level: 'silent' }) } as unknown as HealthDeps, live, session);
  return limits;
}

test.each([1_000, 14_000, 29_900, QUESTION_MS, 2 * QUESTION_MS])(
  'each question of a guest that takes %i ms for an answer has some time',
  async (answerMs) => {
    for (const limit of await limitsOf(answerMs)) expect(limit).toBeGreaterThan(0);
  },
);
