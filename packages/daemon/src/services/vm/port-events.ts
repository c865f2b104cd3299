import type { Chore } from '../background-loop.ts';
import type { VmDeps } from './deps.ts';
import { listenersOf, type Listener } from './listeners.ts';
import type { LiveVm } from './live.ts';
import { within } from './power-off.ts';

/** A server that has just been started is told of while its user still looks; a look costs a guest some milliseconds of CPU. */
const PAUSE_MS = 2_000;
/** One guest that is slow to answer holds up what is told of the others no longer. */
const ANSWER_MS = 5_000;

/** What listens in a VM, by protocol, port and program. */
type Listening = ReadonlyMap<string, Listener>;

/**
 * Tells of ports that programs in VMs open and close, while somebody reads events. Of what listened before nothing is told, as it can
 * be asked for; of a VM that came to run since then, everything.
 */
export function portEvents(deps: VmDeps): Chore {
  let seen: ReadonlyMap<LiveVm, Listening> | undefined;
  return {
    name: 'ports of VMs',
    pauseMs: PAUSE_MS,
    run: async (signal) => {
      if (!deps.events.isHeard) {
        seen = undefined;
        return;
      }
      const before = seen;
      const now = new Map<LiveVm, Listening>();
      await Promise.all(
        [...deps.live.values()].map(async (live) => {
          const known = before?.get(live);
          const listening = (await look(deps, live, signal)) ?? known;
          if (listening === undefined) return;
          now.set(live, listening);
          tellChanges(deps, live, known ?? (before === undefined ? listening : new Map()), listening);
        }),
      );
      seen = now;
    },
  };
}

/** Undefined when the guest does not tell. */
async function look(deps: VmDeps, live: LiveVm, signal: AbortSignal): Promise<Listening | undefined> {
  const row = deps.vms.find(live.id);
  const { session, agent } = live;
  if (row?.state !== 'running' || session === undefined || agent.state !== 'ready') return undefined;
  try {
    const ports = await within(deps.clock, ANSWER_MS, session.ports({ signal }), 'it did not answer', signal);
    const listeners = listenersOf(row.spec.name, ports);
    return new Map(listeners.map((one) => [`${one.protocol} ${one.port} ${one.program ?? ''}`, one]));
  } catch {
    // That its agent is silent is told elsewhere.
    return undefined;
  }
}

function tellChanges(deps: VmDeps, live: LiveVm, before: Listening, now: Listening): void {
  const row = deps.vms.find(live.id);
  if (row === undefined || deps.live.get(live.id) !== live) return;
  const tell = (
    event: 'port.opened' | 'port.closed',
    { endpoint, protocol, port, program }: Listener,
  ): void =>
    deps.events.tell({
      ...{ event, id: live.id, vm: row.spec.name, endpoint, protocol, port },
      ...(program !== undefined && { program }),
    });
  for (const [key, listener] of before) if (!now.has(key)) tell('port.closed', listener);
  for (const [key, listener] of now) if (!before.has(key)) tell('port.opened', listener);
}
