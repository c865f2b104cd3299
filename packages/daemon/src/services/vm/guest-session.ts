import { BangerError, toBangerError } from '@banger/contract/error';
import type { GuestConfiguration, GuestSession } from '../../drivers/guest/driver.ts';
import type { GuestAddresses } from '../../drivers/network/driver.ts';
import type { VmRow } from '../../domain/vm-row.ts';
import type { Clock } from '../../host/clock.ts';
import { inBackground } from '../background.ts';
import { agentReady, agentSilent } from './agent-health.ts';
import { clockAfterConfigure } from './guest-clock.ts';
import { environmentRecord } from './environment.ts';
import type { VmDeps } from './deps.ts';
import type { LiveVm, Moment } from './live.ts';
import type { VmRuntimeRow } from './runtime-row.ts';
import { warn } from './watch.ts';

/** Seed for the guest's random state: as much as the kernel's own pool holds (random(4)). */
const SEED_BYTES = 256;
const NS_PER_MS = 1_000_000n;

/** UTF-8 without building a locale: glibc and musl both have this one. Without it a shell shows `ü` as `\\303\\274`. */
const DEFAULT_ENVIRONMENT = { LANG: 'C.UTF-8' };

/** Between two tries to reach an agent that went silent: quick at first, for a guest that reboots takes seconds. */
const RECONNECT_PAUSES_MS = [50, 200, 500, 1_000, 2_000, 5_000];
const RECONNECT_DEADLINE_MS = 60_000;
/** A channel that held this long begins the pauses anew; a guest that greets and then breaks it cannot keep us busy. */
const STEADY_MS = 30_000;
/** Events of one boot: a handful is all there are, and each is a line in our log. */
const MAX_EVENTS = 64;

/**
 * Connects to the agent, configures the guest when it is not yet, and keeps the channel: from then on it is opened again
 * whenever it ends, until the VM is released.
 */
export async function connectGuest(
  deps: VmDeps,
  row: VmRow,
  live: LiveVm,
  options: { readonly deadlineMs: number; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  const target = {
    kind: 'unix',
    path: live.vmm.handle.agentSocket,
    key: Buffer.from(live.runtime.agentKey, 'hex'),
  } as const;
  const session = await deps.guest.connect(target, options);
  let warnings: readonly string[] = [];
  let clockSeen: Moment | undefined;
  try {
    if (!session.hello.configured) {
      const told = { now: deps.clock.now(), monotonic: deps.clock.monotonic() };
      const configuration = configurationOf(deps, row, live.runtime, told.now);
      ({ warnings } = await session.configure(configuration, { signal: options.signal }));
      clockSeen = clockAfterConfigure(deps, told, warnings);
    }
  } catch (error) {
    session.close();
    throw error;
  }
  live.session = session;
  live.clockSeen = clockSeen;
  agentReady(deps, live);
  inBackground(deps.log, 'guest events', () => followEvents(deps, live, session), live.released.signal);
  inBackground(deps.log, 'agent channel', () => reopen(deps, row, live, session), live.released.signal);
  return warnings;
}

/** Opens the channel again when it has ended. */
async function reopen(deps: VmDeps, row: VmRow, live: LiveVm, session: GuestSession): Promise<void> {
  const opened = deps.clock.monotonic();
  const why = await session.closed;
  if (live.session === session) {
    live.session = undefined;
    agentSilent(deps, live, why === undefined ? 'The guest boots again.' : why.message);
  }
  if (live.released.signal.aborted) return;
  const lived = deps.clock.monotonic() - opened;
  live.shortSessions = lived < STEADY_MS ? live.shortSessions + 1 : 0;
  deps.log.warn({ vm: row.id, reason: why?.message, ms: Math.round(lived) }, 'agent channel ended');
  await reconnect(deps, row, live);
}

/** What the guest is told at each boot: who it is, the time, where its network is, and fresh randomness. */
function configurationOf(
  deps: Pick<VmDeps, 'randomBytes'>,
  row: VmRow,
  runtime: VmRuntimeRow,
  now: number,
): GuestConfiguration {
  return {
    hostname: row.spec.name,
    timeNs: BigInt(now) * NS_PER_MS,
    entropy: deps.randomBytes(SEED_BYTES),
    machineId: row.machineId,
    env: { ...DEFAULT_ENVIRONMENT, ...environmentRecord([...row.imageDefaults.env, ...row.spec.env]) },
    grow: true,
    ...(runtime.addresses === undefined ? {} : nicOf(runtime.addresses)),
  };
}

function nicOf({ mac, mtu, dns, ipv4, ipv6 }: GuestAddresses): GuestConfiguration {
  return {
    mac,
    mtu,
    dns,
    ...(ipv4 === undefined ? {} : { ipv4 }),
    ...(ipv6 === undefined ? {} : { ipv6 }),
  };
}

async function followEvents(deps: VmDeps, live: LiveVm, session: GuestSession): Promise<void> {
  try {
    let seen = 0;
    for await (const event of session.events()) {
      seen += 1;
      if (seen > MAX_EVENTS) return;
      deps.log.info({ vm: live.id, event: event.name, detail: event.detail }, 'guest event');
      if (event.name !== 'init-ready' && event.name !== 'init-failed') continue;
      live.init = { state: event.name === 'init-ready' ? 'ready' : 'failed', detail: event.detail };
      live.initSettled.resolve();
    }
  } catch (error) {
    // The end of the channel ends its events too, and is told by `closed`.
    deps.log.debug({ vm: live.id, error: toBangerError(error).message }, 'guest events ended');
  }
}

/** Goes on trying to reach a silent agent, on nobody's behalf. */
export function keepConnecting(deps: VmDeps, row: VmRow, live: LiveVm): void {
  inBackground(deps.log, 'reaching the agent', () => reconnect(deps, row, live), live.released.signal);
}

/** Tries again until the agent answers or the VM is released; a silent agent is shown as that meanwhile. */
async function reconnect(deps: VmDeps, row: VmRow, live: LiveVm): Promise<void> {
  const { signal } = live.released;
  for (let attempt = live.shortSessions; !signal.aborted; attempt += 1) {
    try {
      await deps.clock.sleep(
        RECONNECT_PAUSES_MS[Math.min(attempt, RECONNECT_PAUSES_MS.length - 1)] ?? 0,
        signal,
      );
      const options = { deadlineMs: RECONNECT_DEADLINE_MS, signal };
      for (const warning of await connectGuest(deps, deps.vms.get(row.id), live, options))
        warn(deps, row.id, warning);
      deps.log.info({ vm: row.id }, 'agent channel open again');
      return;
    } catch (error) {
      if (signal.aborted) return;
      const { message } = toBangerError(error);
      agentSilent(deps, live, message);
      deps.log.warn({ vm: row.id, error: message }, 'agent does not answer');
    }
  }
}

/** How long an image's services may take: a systemd image needs 20-33 s under emulation on a quiet machine. */
const INIT_DEADLINE_MS = 180_000;

/** Waits until the image's services are up, or have failed to come up: both settle it. */
export async function waitForInit(live: LiveVm, clock: Clock, signal: AbortSignal): Promise<void> {
  const stop = new AbortController();
  const deadline = clock.sleep(INIT_DEADLINE_MS, AbortSignal.any([signal, stop.signal])).then(() => {
    throw new BangerError(
      'agent_not_ready',
      `The image's services were not up after ${INIT_DEADLINE_MS / 1000} s.`,
    );
  });
  try {
    await Promise.race([live.initSettled.promise, deadline]);
  } finally {
    stop.abort();
    deadline.catch(() => undefined);
  }
}
