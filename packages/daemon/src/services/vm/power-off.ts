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
/** A guest may be on its way to another boot when it is asked, and ends that boot only; one that goes on so is ended. */
const MOST_CHANNELS = 3;
/** An agent that hears at all answers within milliseconds; in a guest full of work, under emulation, it may not run for seconds. */
const HEARD_DEADLINE_MS = 10_000;
/** The agent answers a shutdown request before it begins; one that was heard a moment ago. */
const ANSWER_DEADLINE_MS = 5_000;
/** From the answer to the power-off: a systemd image takes 2-4 s under emulation; the agent itself gives an init 30 s. */
const POWER_OFF_DEADLINE_MS = 45_000;
/** Without asking its init, a guest only writes what it holds. */
const AT_ONCE_DEADLINE_MS = 15_000;

/**
 * Has the guest write what it holds while its agent still answers: on the way down it does so too, but says nothing then, and one that
 * writes gigabytes would seem deaf. How it ended, when it did meanwhile. A guest that cannot sync is no error. Rejects with
 * `agent_not_ready` when its agent does not answer, with `disk_full` when the guest stands still until the host has room, and with
 * `cancelled` when the signal fires: the daemon lets go of the VM then, which is another one's to stop.
 */
export function sync(deps: VmDeps, live: LiveVm, signal: AbortSignal): Promise<VmmEnd | undefined> {
  return asked(deps, live, signal, async (either) => {
    const { ended } = live.vmm;
    return overChannel(deps, live, either, async (session) => {
      const synced = session.sync({ signal: either }).catch((error: unknown) => {
        if (!either.aborted) deps.log.warn({ vm: live.id, error: toBangerError(error).message }, 'no sync');
      });
      // The deadline is ours, by the daemon's clock.
      const ping = session.ping({ signal: either, timeoutMs: 2 * HEARD_DEADLINE_MS });
      const heard = Promise.race([ping, ended]);
      await within(deps.clock, HEARD_DEADLINE_MS, heard, 'its agent did not answer', either);
      return (await Promise.race([synced, ended])) ?? undefined;
    });
  });
}

/** Asks the guest to power off: politely, then without its init. How it ended; rejects as `sync` does. */
export function powerOff(deps: VmDeps, live: LiveVm, signal: AbortSignal): Promise<VmmEnd> {
  return asked(deps, live, signal, async (either) => {
    try {
      return await overChannel(deps, live, either, (session) =>
        ask(deps, live, session, 'power-off', POWER_OFF_DEADLINE_MS, either),
      );
    } catch (error) {
      // One that could not be reached by now is not waited for again.
      if (either.aborted || live.session === undefined) throw error;
      deps.log.warn({ vm: live.id, error: toBangerError(error).message }, 'guest did not power off');
      return ask(deps, live, live.session, 'power-off-at-once', AT_ONCE_DEADLINE_MS, either);
    }
  });
}

/** What is asked of a guest, or why it does not follow. Nothing goes on being asked after it. */
async function asked<T>(
  deps: VmDeps,
  live: LiveVm,
  signal: AbortSignal,
  ask: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const over = new AbortController();
  const noRoom = untilNoRoom(live.vmm, over.signal).then((): never => {
    throw new BangerError('disk_full', 'There is no room on the host for what the guest writes.');
  });
  const forced = untilForced(deps.locks.forced(live.id), over.signal);
  try {
    return await Promise.race([ask(AbortSignal.any([signal, over.signal])), noRoom, forced]);
  } catch (thrown) {
    if (signal.aborted) throw letGo();
    const error = toBangerError(thrown);
    throw error.code === 'disk_full'
      ? error
      : new BangerError('agent_not_ready', error.message, { cause: thrown });
  } finally {
    over.abort();
  }
}

/** Rejects when another call is to end the VM without asking its guest, which need not wait for what is asked here. */
function untilForced(forced: AbortSignal, over: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const refuse = (): void => reject(new BangerError('agent_not_ready', 'another call ended it by force'));
  if (forced.aborted) refuse();
  forced.addEventListener('abort', refuse, { once: true, signal: over });
  return promise;
}

/**
 * Asks over the open channel, and over the next one when that ends: a guest that was on its way to a reboot says that it will power off,
 * and boots again. How the machine ended, when it has already.
 */
async function overChannel<T>(
  deps: VmDeps,
  live: LiveVm,
  signal: AbortSignal,
  ask: (session: GuestSession) => Promise<T>,
): Promise<T | VmmEnd> {
  for (let channel = 1; ; channel += 1) {
    const session = await reach(deps, live, signal);
    if (session === undefined) return live.vmm.ended;
    const over = new AbortController();
    const replaced = untilReplaced(deps, live, session, AbortSignal.any([signal, over.signal]));
    try {
      return await Promise.race([ask(session), replaced]);
    } catch (error) {
      if (signal.aborted || channel === MOST_CHANNELS) throw error;
      // What was asked fails a moment before its channel is known to have ended.
      await deps.clock.sleep(SESSION_LOOK_MS, signal);
      if (live.session === session) throw error;
      deps.log.warn({ vm: live.id, error: toBangerError(error).message }, 'its guest is asked again');
    } finally {
      over.abort();
      replaced.catch(() => undefined);
    }
  }
}

/** Rejects when the agent is reached over another channel than this one. */
async function untilReplaced(
  deps: VmDeps,
  live: LiveVm,
  session: GuestSession,
  signal: AbortSignal,
): Promise<never> {
  do await deps.clock.sleep(SESSION_LOOK_MS, signal);
  while (live.session === undefined || live.session === session);
  throw new BangerError('agent_lost', 'Its guest booted again, or its channel broke.');
}

/** The open channel, waited for while it is being opened again; undefined when the machine has ended. */
async function reach(deps: VmDeps, live: LiveVm, signal: AbortSignal): Promise<GuestSession | undefined> {
  let isOver = false;
  void live.vmm.ended.then(() => (isOver = true));
  const deadline = deps.clock.monotonic() + SESSION_DEADLINE_MS;
  for (;;) {
    if (isOver) return undefined;
    if (live.session !== undefined) return live.session;
    if (deps.clock.monotonic() >= deadline)
      throw new BangerError(
        'agent_not_ready',
        `its agent did not answer for ${SESSION_DEADLINE_MS / 1000} s`,
      );
    await deps.clock.sleep(SESSION_LOOK_MS, signal);
  }
}

async function ask(
  deps: VmDeps,
  live: LiveVm,
  session: GuestSession,
  how: 'power-off' | 'power-off-at-once',
  deadlineMs: number,
  signal: AbortSignal,
): Promise<VmmEnd> {
  const { ended } = live.vmm;
  // The machine may be gone before its answer has come.
  const answered = Promise.race([session.shutdown(how, { signal }), ended]);
  await within(deps.clock, ANSWER_DEADLINE_MS, answered, `its agent did not answer ${how}`, signal);
  return within(deps.clock, deadlineMs, ended, `it did not end after ${how}`, signal);
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
