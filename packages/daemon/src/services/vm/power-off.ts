import { BangerError, toBangerError } from '@banger/contract/error';
import type { GuestSession } from '../../drivers/guest/driver.ts';
import type { VmmEnd } from '../../drivers/vmm/driver.ts';
import type { Clock } from '../../host/clock.ts';
import type { VmDeps } from './deps.ts';
import type { LiveVm } from './live.ts';
import { untilNoRoom } from './no-room.ts';

/** A guest that reboots, or whose channel just broke, has its agent again within this time on a quiet machine. */
const SESSION_DEADLINE_MS = 15_000;
const SESSION_LOOK_MS = 100;
/** An agent that hears at all answers within milliseconds; in a guest full of work, under emulation, it may not run for seconds. */
const HEARD_DEADLINE_MS = 10_000;
/** The agent answers a shutdown request before it begins; one that was heard a moment ago. */
const ANSWER_DEADLINE_MS = 5_000;
/** From the answer to the power-off: a systemd image takes 2-4 s under emulation; the agent itself gives an init 30 s. */
const POWER_OFF_DEADLINE_MS = 45_000;
/** Without asking its init, a guest only writes what it holds. */
const AT_ONCE_DEADLINE_MS = 15_000;

/** How a guest that was asked to end did so. */
export type PowerOff =
  | { readonly kind: 'ended'; readonly end: VmmEnd }
  /** It stands still until the host has room for what it writes. */
  | { readonly kind: 'no-room' }
  /** It did not, and why that is known. */
  | { readonly kind: 'deaf'; readonly why: string };

/**
 * Asks the guest to write everything and power off: politely, then without its init. Rejects with `cancelled` when the daemon lets go of
 * the VM, which is then another one's to stop.
 */
export async function powerOff(deps: VmDeps, live: LiveVm): Promise<PowerOff> {
  const over = new AbortController();
  const signal = AbortSignal.any([live.released.signal, over.signal]);
  const noRoom = untilNoRoom(live.vmm, over.signal).then((): PowerOff => ({ kind: 'no-room' }));
  try {
    return await Promise.race([askToEnd(deps, live, signal), noRoom]);
  } finally {
    over.abort();
  }
}

async function askToEnd(deps: VmDeps, live: LiveVm, signal: AbortSignal): Promise<PowerOff> {
  const reached = await reach(deps, live, signal);
  if (reached.kind !== 'session') return reached;
  const { session } = reached;
  const synced = await sync(deps, live, session, signal);
  if (synced !== undefined) return synced;
  const polite = await ask(deps, live, session, 'power-off', POWER_OFF_DEADLINE_MS, signal);
  if (polite.kind === 'ended') return polite;
  deps.log.warn({ vm: live.id, ...polite }, 'guest did not power off');
  return ask(deps, live, session, 'power-off-at-once', AT_ONCE_DEADLINE_MS, signal);
}

/** The open channel, waited for while it is being opened again. */
async function reach(
  deps: VmDeps,
  live: LiveVm,
  signal: AbortSignal,
): Promise<PowerOff | { readonly kind: 'session'; readonly session: GuestSession }> {
  let end: VmmEnd | undefined;
  void live.vmm.ended.then((ended) => (end = ended));
  const deadline = deps.clock.monotonic() + SESSION_DEADLINE_MS;
  for (;;) {
    if (end !== undefined) return { kind: 'ended', end };
    if (live.session !== undefined) return { kind: 'session', session: live.session };
    if (deps.clock.monotonic() >= deadline)
      return { kind: 'deaf', why: `its agent did not answer for ${SESSION_DEADLINE_MS / 1000} s` };
    await deps.clock.sleep(SESSION_LOOK_MS, signal);
  }
}

/**
 * Has the guest write what it holds while its agent still answers: on the way down it does so too, but says nothing then, and one that
 * writes gigabytes would seem deaf. Undefined when that is done, or the guest cannot, and its end is to be asked for.
 */
async function sync(
  deps: VmDeps,
  live: LiveVm,
  session: GuestSession,
  signal: AbortSignal,
): Promise<PowerOff | undefined> {
  const { ended } = live.vmm;
  const synced = session.sync({ signal }).catch((error: unknown) => {
    if (!signal.aborted) deps.log.warn({ vm: live.id, error: toBangerError(error).message }, 'no sync');
  });
  try {
    const heard = Promise.race([session.ping({ signal }), ended]);
    await within(deps.clock, HEARD_DEADLINE_MS, heard, 'its agent did not answer', signal);
  } catch (error) {
    return deaf(error, signal);
  }
  const end = await Promise.race([synced, ended]);
  if (signal.aborted) throw letGo();
  return end === undefined ? undefined : { kind: 'ended', end };
}

async function ask(
  deps: VmDeps,
  live: LiveVm,
  session: GuestSession,
  how: 'power-off' | 'power-off-at-once',
  deadlineMs: number,
  signal: AbortSignal,
): Promise<PowerOff> {
  try {
    const { ended } = live.vmm;
    // The machine may be gone before its answer has come.
    const answered = Promise.race([session.shutdown(how, { signal }), ended]);
    await within(deps.clock, ANSWER_DEADLINE_MS, answered, `its agent did not answer ${how}`, signal);
    const end = await within(deps.clock, deadlineMs, ended, `it did not end after ${how}`, signal);
    return { kind: 'ended', end };
  } catch (error) {
    return deaf(error, signal);
  }
}

function deaf(error: unknown, signal: AbortSignal): PowerOff {
  if (signal.aborted) throw letGo();
  return { kind: 'deaf', why: toBangerError(error).message };
}

/** Why a stop is over for a daemon that has let go of the VM. */
export function letGo(): BangerError {
  return new BangerError('cancelled', 'The daemon ended during the stop; the next one goes on with it.');
}

/** The work's result, or `agent_not_ready` when it takes longer than `ms`: `what` did not come. The signal ends the wait with `cancelled`. */
export async function within<T>(
  clock: Clock,
  ms: number,
  work: Promise<T>,
  what: string,
  signal?: AbortSignal,
): Promise<T> {
  const stop = new AbortController();
  const either = signal === undefined ? stop.signal : AbortSignal.any([stop.signal, signal]);
  const deadline = clock.sleep(ms, either).then((): never => {
    throw new BangerError('agent_not_ready', `${what} within ${ms / 1000} s`);
  });
  try {
    return await Promise.race([work, deadline]);
  } finally {
    stop.abort();
    deadline.catch(() => undefined);
    work.catch(() => undefined);
  }
}
