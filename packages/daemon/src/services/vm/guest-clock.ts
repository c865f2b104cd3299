import { toBangerError } from '@banger/contract/error';
import type { GuestSession, RequestOptions } from '../../drivers/guest/driver.ts';
import { agentReady, type HealthDeps } from './agent-health.ts';
import type { VmDeps } from './deps.ts';
import type { LiveVm, Moment } from './live.ts';

/**
 * What a guest's clock may be off by. Well under a second, which people notice; well over what an answer takes on an idle machine, and
 * over the 100 ms under which the agent leaves its clock alone.
 */
const TOLERANCE_MS = 250;
/** One to see that it is wrong, one to see that it was set right, and two for answers that took too long to tell anything. */
const MAX_ROUNDS = 4;
/** From the first question to giving up: as long as any request waits for an agent. */
export const QUESTION_MS = 30_000;
/** A guest that was stopped since the clock was last seen is behind by no more than this; a look costs a command one answer. */
const TRUST_MS = 500;

/** The agent leaves a clock alone that is off by less: CLOCK_TOLERANCE_NS in its configure.c. */
const LEFT_ALONE_MS = 100;

const NS_PER_MS = 1_000_000;
const MS_PER_SECOND = 1000;

/**
 * Sets the guest's clock right where it is wrong: a guest that was stopped, or whose host slept, or that booted on a busy machine, is
 * behind. The guest's time is that of the middle of the question and its answer, give or take half of what they took; only a clock that is
 * wrong by more than that is touched. Rejects as a request does when the agent does not answer.
 */
export async function setClockRight(deps: HealthDeps, live: LiveVm, session: GuestSession): Promise<void> {
  const deadline = deps.clock.monotonic() + QUESTION_MS;
  const left = (): number => deadline - deps.clock.monotonic();
  const limit = (): RequestOptions => ({ timeoutMs: Math.ceil(left() / MS_PER_SECOND) * MS_PER_SECOND });
  for (let round = 0; round < MAX_ROUNDS; round += 1) {
    // Its agent answers, too late to set anything: the next question does.
    if (left() <= 0) return;
    const asked = deps.clock.monotonic();
    const guestMs = Number(await session.clock(limit())) / NS_PER_MS;
    const doubt = (deps.clock.monotonic() - asked) / 2;
    const offset = guestMs - (deps.clock.now() - doubt);
    agentReady(deps, live);
    if (Math.abs(offset) <= TOLERANCE_MS + doubt) {
      if (doubt <= TOLERANCE_MS) break;
      continue;
    }
    if (left() <= 0) return;
    deps.log.info({ vm: live.id, offsetMs: Math.round(offset) }, "the guest's clock is set right");
    if (!(await setClock(deps, live, session, limit()))) break;
  }
  live.clockSeen = { now: deps.clock.now(), monotonic: deps.clock.monotonic() };
}

/**
 * When the guest's clock was right, after a configure that told it the time of `told`: then, unless the answer took so long that the agent
 * may have set the clock too late, or it says that it could not.
 */
export function clockAfterConfigure(
  { clock }: Pick<VmDeps, 'clock'>,
  told: Moment,
  warnings: readonly string[],
): Moment | undefined {
  const late = clock.monotonic() - told.monotonic + LEFT_ALONE_MS > TOLERANCE_MS;
  return late || warnings.some((warning) => warning.startsWith('clock:')) ? undefined : told;
}

/** True when the guest's clock was seen so lately that it can be trusted. */
export function clockIsFresh(deps: Pick<VmDeps, 'clock'>, { clockSeen }: LiveVm): boolean {
  if (clockSeen === undefined) return false;
  const passed = deps.clock.monotonic() - clockSeen.monotonic;
  // While the host sleeps only this one goes on; it also jumps when somebody sets the host's time, and the guest's has to follow.
  const passedByWall = deps.clock.now() - clockSeen.now;
  return passed <= TRUST_MS && Math.abs(passedByWall) <= TRUST_MS;
}

/** False when the guest would not have it. */
async function setClock(
  deps: Pick<VmDeps, 'clock' | 'log'>,
  live: LiveVm,
  session: GuestSession,
  limit: RequestOptions,
): Promise<boolean> {
  try {
    const timeNs = BigInt(Math.round(deps.clock.now())) * BigInt(NS_PER_MS);
    const { warnings } = await session.configure({ timeNs }, limit);
    if (warnings.length > 0) deps.log.warn({ vm: live.id, warnings }, "the guest's clock could not be set");
    return warnings.length === 0;
  } catch (error) {
    // A channel that ended tells so to whoever uses it next; a wrong clock is no reason to refuse a command.
    deps.log.warn({ vm: live.id, error: toBangerError(error).message }, "the guest's clock could not be set");
    return false;
  }
}
