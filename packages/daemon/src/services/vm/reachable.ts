import { BangerError, isBangerError } from '@banger/contract/error';
import type { GuestSession } from '../../drivers/guest/driver.ts';
import type { VmRow } from '../../domain/vm-row.ts';
import { consoleTail, consoleText } from './console.ts';
import type { VmDeps } from './deps.ts';
import type { LiveVm } from './live.ts';

/** The refusal of what only a running VM can do, saying what it is instead. */
export function notRunning({ spec: { name }, state, hint }: VmRow): BangerError {
  return new BangerError('vm_not_running', `${name} is ${wordsFor[state] ?? state}, not running.`, {
    hint: hint === '' ? hintFor(name, state) : hint,
    details: { state },
  });
}

/** States that are no adjectives. */
const wordsFor: Partial<Record<VmRow['state'], string>> = { error: 'in error', creating: 'being made' };

function hintFor(name: string, state: VmRow['state']): string {
  const soon = state === 'starting' || state === 'creating';
  return soon
    ? `Wait until it runs; \`banger vm show ${name}\` tells how far it has come.`
    : `Start it with \`banger vm start ${name}\`.`;
}

/** A running VM and the open channel to its agent, or a refusal that says why there is none. */
export async function reachableVm(
  deps: Pick<VmDeps, 'live' | 'layout'>,
  row: VmRow,
): Promise<{ readonly live: LiveVm; readonly session: GuestSession }> {
  const live = deps.live.get(row.id);
  if (row.state !== 'running' || live === undefined) throw notRunning(row);
  if (live.session === undefined) throw await silence(deps, row, live.agent.reason);
  return { live, session: live.session };
}

/** What a request came to; one that was not answered in time says of which VM, and what its console shows. */
export async function orSilence<T>(
  deps: Pick<VmDeps, 'live' | 'layout'>,
  row: VmRow,
  outcome: Promise<T>,
): Promise<T> {
  try {
    return await outcome;
  } catch (error) {
    if (!isBangerError(error, 'agent_not_ready') || error.details['probe'] === 'configure') throw error;
    throw await silence(deps, row, error.message, error);
  }
}

async function silence(
  deps: Pick<VmDeps, 'live' | 'layout'>,
  row: VmRow,
  reason: string,
  cause?: BangerError,
): Promise<BangerError> {
  const { name } = row.spec;
  const tail = await consoleTail(deps.layout.vm(row.id).console, deps.live.get(row.id)?.consoleFrom ?? 0);
  return new BangerError(
    'agent_not_ready',
    `The agent of ${name} does not answer; banger goes on trying.\n${reason}\n${consoleText(tail)}`,
    {
      hint: `Read its console with \`banger vm logs ${name}\`; \`banger vm restart ${name}\` boots it again.`,
      cause,
      details: { ...cause?.details, console: tail },
    },
  );
}
