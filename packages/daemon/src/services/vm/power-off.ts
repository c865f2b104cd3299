import { BangerError, toBangerError } from '@banger/contract/error';
import type { GuestSession } from '../../drivers/guest/driver.ts';
import type { VmmEnd } from '../../drivers/vmm/driver.ts';
import type { Clock } from '../../host/clock.ts';
import type { VmDeps } from './deps.ts';
import type { LiveVm } from './live.ts';

/** A guest that reboots, or whose channel just broke, has its agent again within this time on a quiet machine. */
const SESSION_DEADLINE_MS = 15_000;
const SESSION_LOOK_MS = 100;
/** The agent answers a shutdown request before it begins; a deaf one costs no more than this. */
const ANSWER_DEADLINE_MS = 5_000;
/** From the answer to the power-off: a systemd image takes 2-4 s under emulation; the agent itself gives an init 30 s. */
const POWER_OFF_DEADLINE_MS = 45_000;
/** Without asking its init, a guest only writes what it holds. */
const AT_ONCE_DEADLINE_MS = 15_000;

/** How a guest that was asked to end did so; `deaf`: it did not, and why that is known. */
export type PowerOff =
  { readonly kind: 'ended'; readonly end: VmmEnd } | { readonly kind: 'deaf'; readonly why: string };

/** Asks the guest to write everything and power off: politely, then without its init. */
export async function powerOff(deps: VmDeps, live: LiveVm): Promise<PowerOff> {
  const reached = await reach(deps, live);
  if (reached.kind !== 'session') return reached;
  const polite = await ask(deps, live, reached.session, 'power-off', POWER_OFF_DEADLINE_MS);
  if (polite.kind === 'ended') return polite;
  deps.log.warn({ vm: live.id, why: polite.why }, 'guest did not power off');
  return ask(deps, live, reached.session, 'power-off-at-once', AT_ONCE_DEADLINE_MS);
}

/** The open channel, waited for while it is being opened again. */
async function reach(
  deps: VmDeps,
  live: LiveVm,
): Promise<PowerOff | { readonly kind: 'session'; readonly session: GuestSession }> {
  let end: VmmEnd | undefined;
  void live.vmm.ended.then((ended) => (end = ended));
  const deadline = deps.clock.monotonic() + SESSION_DEADLINE_MS;
  for (;;) {
    if (end !== undefined) return { kind: 'ended', end };
    if (live.session !== undefined) return { kind: 'session', session: live.session };
    if (deps.clock.monotonic() >= deadline)
      return { kind: 'deaf', why: `its agent did not answer for ${SESSION_DEADLINE_MS / 1000} s` };
    await deps.clock.sleep(SESSION_LOOK_MS);
  }
}

async function ask(
  deps: VmDeps,
  live: LiveVm,
  session: GuestSession,
  how: 'power-off' | 'power-off-at-once',
  deadlineMs: number,
): Promise<PowerOff> {
  try {
    const ended = live.vmm.ended;
    // The machine may be gone before its answer has come.
    await within(deps.clock, ANSWER_DEADLINE_MS, Promise.race([session.shutdown(how), ended]));
    return { kind: 'ended', end: await within(deps.clock, deadlineMs, ended) };
  } catch (error) {
    return { kind: 'deaf', why: toBangerError(error).message };
  }
}

/** The work's result, or `agent_not_ready` when it takes longer than `ms`. */
export async function within<T>(clock: Clock, ms: number, work: Promise<T>): Promise<T> {
  const stop = new AbortController();
  const deadline = clock.sleep(ms, stop.signal).then((): never => {
    throw new BangerError('agent_not_ready', `no answer within ${ms / 1000} s`);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    stop.abort();
    deadline.catch(() => undefined);
    work.catch(() => undefined);
  }
}
