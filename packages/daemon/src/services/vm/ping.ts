import { isBangerError } from '@banger/contract/error';
import type { VmPinged } from '@banger/contract/guest';
import type { VmRow } from '../../domain/vm-row.ts';
import { agentReady, agentSilent } from './agent-health.ts';
import type { VmDeps } from './deps.ts';
import { orSilence, reachableVm } from './reachable.ts';

/** An agent that is scheduled at all answers within this, also under emulation on a loaded host. */
const PATIENCE_MS = 10_000;

/** Asks the agent `count` times, one after another, whether it is there. Rejects at the first time that it does not answer. */
export async function pingVm(
  deps: VmDeps,
  row: VmRow,
  count: number,
  signal: AbortSignal,
): Promise<VmPinged> {
  const { live, session } = await reachableVm(deps, row);
  const roundTripsMs: number[] = [];
  try {
    while (roundTripsMs.length < count)
      roundTripsMs.push(await orSilence(deps, row, session.ping({ signal, timeoutMs: PATIENCE_MS })));
  } catch (error) {
    if (isBangerError(error, 'agent_not_ready') && live.session === session)
      agentSilent(deps, live, `It has not answered for ${PATIENCE_MS / 1000} s.`);
    throw error;
  }
  agentReady(deps, live);
  return { roundTripsMs };
}
