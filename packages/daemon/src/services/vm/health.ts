import { BangerError, toBangerError } from '@banger/contract/error';
import type { GuestSession } from '../../drivers/guest/driver.ts';
import type { Chore } from '../background-loop.ts';
import { agentSilent } from './agent-health.ts';
import type { VmDeps } from './deps.ts';
import { QUESTION_MS, setClockRight } from './guest-clock.ts';
import type { LiveVm } from './live.ts';
import { within } from './power-off.ts';

/** Between two looks at all VMs: silence is seen within half a minute, and a look costs a guest a few milliseconds of CPU. */
const PAUSE_MS = 10_000;
/**
 * From a question to calling the agent silent. An idle agent answers within milliseconds; one whose guest is full of work under emulation
 * may not run for seconds, and is not to be called silent for that. The question stays asked after it, so that a late answer counts.
 */
const PATIENCE_MS = 10_000;

/** For an agent that is silent already: it may have come back a moment ago, and nobody waits long for what is known. */
const KNOWN_SILENT_MS = 3_000;

/** Looks after the agents of running VMs. */
export function health(deps: VmDeps): Chore {
  return { name: 'health of VMs', pauseMs: PAUSE_MS, run: () => checkHealth(deps) };
}

/**
 * Asks the agents of all running VMs whether they are there, and sets their clocks right. Resolves when each has answered or used up the
 * patience for it; what came of it is in `live.agent`. One whose channel is being opened again is known to be silent.
 */
export async function checkHealth(deps: VmDeps): Promise<void> {
  await Promise.all(
    [...deps.live.values()].map(async (live) => {
      const { session } = live;
      if (session === undefined || deps.vms.find(live.id)?.state !== 'running') return;
      const heard = hearAgent(deps, live, session);
      await within(deps.clock, PATIENCE_MS, heard, 'it did not answer').catch(() => undefined);
    }),
  );
}

/**
 * Waits until the agent has answered and the guest's clock is right. Rejects with `agent_not_ready` when no answer came in time, with
 * `agent_lost` when the channel ended, and with `cancelled` when the signal fires. However many wait, one question is asked.
 */
export async function hearAgent(
  deps: VmDeps,
  live: LiveVm,
  session: GuestSession,
  signal: AbortSignal = live.released.signal,
): Promise<void> {
  const asked = (live.asked ??= ask(deps, live, session).finally(() => {
    live.asked = undefined;
  }));
  const heard = new AbortController();
  const late = deps.clock
    .sleep(
      live.agent.state === 'silent' ? KNOWN_SILENT_MS : QUESTION_MS,
      AbortSignal.any([signal, heard.signal]),
    )
    .then((): never => {
      throw new BangerError('agent_not_ready', live.agent.reason, { details: { probe: 'clock' } });
    });
  try {
    await Promise.race([asked, late]);
  } finally {
    heard.abort();
    for (const other of [asked, late]) other.catch(() => undefined);
  }
}

async function ask(deps: VmDeps, live: LiveVm, session: GuestSession): Promise<void> {
  const answered = new AbortController();
  deps.clock.sleep(PATIENCE_MS, answered.signal).then(
    () => agentSilent(deps, live, `It has not answered for ${PATIENCE_MS / 1000} s.`),
    () => undefined,
  );
  try {
    await setClockRight(deps, live, session);
  } catch (error) {
    if (live.session === session) agentSilent(deps, live, toBangerError(error).message);
    throw error;
  } finally {
    answered.abort();
  }
}
