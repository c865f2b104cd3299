import type { VmPort } from '@banger/contract/guest';
import type { GuestSession } from '../../drivers/guest/driver.ts';
import type { VmRow } from '../../domain/vm-row.ts';
import type { VmDeps } from './deps.ts';
import { dialAddressOf, listenersOf, type Listener } from './listeners.ts';
import { speaks } from './probe-http.ts';
import { orSilence, reachableVm } from './reachable.ts';

/** Connections to one guest at once: its agent serves 256 streams, and commands need some. */
const AT_ONCE = 16;
/** For all ports of a guest. One that listens on hundreds and answers on none gets the rest of its list without services. */
const PROBES_MS = 10_000;

/** What programs in a running VM listen on; with `probe`, and whether they answer HTTP. */
export async function portsOf(
  deps: VmDeps,
  row: VmRow,
  probe: boolean,
  signal: AbortSignal,
): Promise<VmPort[]> {
  const { session } = await reachableVm(deps, row);
  const listeners = listenersOf(row.spec.name, await orSilence(deps, row, session.ports({ signal })));
  if (!probe) return listeners.map((listener) => ({ ...listener, service: listener.protocol }));
  const late = new AbortController();
  deps.clock.sleep(PROBES_MS, AbortSignal.any([signal, late.signal])).then(
    () => late.abort(),
    () => undefined,
  );
  try {
    return await probeAll(session, listeners, AbortSignal.any([signal, late.signal]));
  } finally {
    late.abort();
  }
}

async function probeAll(
  session: GuestSession,
  listeners: readonly Listener[],
  signal: AbortSignal,
): Promise<VmPort[]> {
  const ports = listeners.map((listener): VmPort => ({ ...listener, service: listener.protocol }));
  const open = ports.filter(({ protocol }) => protocol === 'tcp');
  const worker = async (): Promise<void> => {
    for (let port = open.shift(); port !== undefined && !signal.aborted; port = open.shift()) {
      const { endpoint, port: number } = port;
      const target = { kind: 'tcp', host: dialAddressOf(port), port: number } as const;
      port.service = await speaks((options) => session.dial(target, options), endpoint, signal);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return ports;
}
